const THEMES = ['system', 'light', 'dark'] as const;

/** The button goes through the themes; a page that is printed is light whatever it shows. */
export function startTheme(redraw: () => void): void {
  const button = document.querySelector<HTMLButtonElement>('#theme');
  let at = 0;
  button?.addEventListener('click', () => {
    at = (at + 1) % THEMES.length;
    apply(THEMES[at] ?? 'system');
    button.textContent = `Theme: ${THEMES[at]}`;
    redraw();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  addEventListener('beforeprint', () => {
    apply('light');
    redraw();
  });
  addEventListener('afterprint', () => {
    apply(THEMES[at] ?? 'system');
    redraw();
  });
}

function apply(theme: string): void {
  document.documentElement.dataset['theme'] = theme;
}

const THEMES = ['system', 'light', 'dark'];

/** Looks as was chosen last; at first as the system has it. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = localStorage.getItem('theme') ?? 'system';
}

export function nextTheme(): void {
  const current = THEMES.indexOf(document.documentElement.dataset['theme'] ?? 'system');
  localStorage.setItem('theme', THEMES[(current + 1) % THEMES.length] ?? 'system');
  applyTheme();
}

/**
 * Arrow keys, Home and End on a list of tabs select another, as ARIA's pattern has it. Nobody else hears of them there.
 * @param select shows a tab and leaves it in the document
 */
export function listenToTabKeys(list: HTMLElement, select: (tab: HTMLElement) => void): void {
  list.addEventListener('keydown', (event) => {
    const tabs = [...list.querySelectorAll<HTMLElement>('[role="tab"]')];
    // The focus, not what is selected: that is drawn a moment later.
    const current = tabs.findIndex((tab) => tab.matches(':focus'));
    if (current < 0) return;
    const places: Readonly<Record<string, number>> = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1 + tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const place = places[event.key];
    if (place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const tab = tabs[place % tabs.length];
    if (!tab) return;
    tab.focus();
    select(tab);
  });
}

/** Which tab is shown: only that one is reached with the Tab key. */
export function markTab(tab: HTMLElement, isSelected: boolean): void {
  tab.setAttribute('aria-selected', `${isSelected}`);
  tab.tabIndex = isSelected ? 0 : -1;
}

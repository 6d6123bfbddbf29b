// One tab stop for a whole panel: arrows move among its items, Tab leaves it.

interface Options {
  columns?: number;
}

export function roving(node: HTMLElement, options: Options = {}) {
  let columns = options.columns ?? 0;
  const items = (): HTMLElement[] => [...node.querySelectorAll<HTMLElement>('[data-item]:not(:disabled)')];

  const focus = (): Element | null => (node.getRootNode() as Document | ShadowRoot).activeElement;

  function mark(focused?: HTMLElement): void {
    const all = items();
    const chosen = focused ?? all.find((item) => item.dataset['current'] === 'true') ?? all.find((item) => item.tabIndex === 0) ?? all[0];
    for (const item of all) item.tabIndex = item === chosen ? 0 : -1;
  }

  function move(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = items();
    const now = all.indexOf(focus() as HTMLElement);
    if (now < 0) return;
    const wide = columns || 1;
    const steps: Record<string, number> = columns
      ? { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }
      : { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? all.length - 1 : now + (steps[event.key] ?? 0);
    if (to === now && !(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    const target = all[to];
    if (target) {
      mark(target);
      target.focus();
    }
  }

  const focused = (event: FocusEvent): void => {
    const item = (event.target as HTMLElement).closest<HTMLElement>('[data-item]');
    if (item) mark(item);
  };
  const watcher = new MutationObserver(() => mark(items().find((item) => item === focus())));
  node.addEventListener('keydown', move);
  node.addEventListener('focusin', focused);
  watcher.observe(node, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-current'] });
  mark();
  return {
    update: (next: Options) => {
      columns = next.columns ?? 0;
      mark();
    },
    destroy: () => {
      node.removeEventListener('keydown', move);
      node.removeEventListener('focusin', focused);
      watcher.disconnect();
    },
  };
}

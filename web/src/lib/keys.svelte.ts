// The keyboard: a map from key to action, dead while typing.

import { copyPython, copy, say } from './hand.svelte';
import { t } from './i18n.svelte';
import type { Message } from './messages';
import { PAGES, setPage } from './pages.svelte';
import { link } from './link';
import { reader } from './reader.svelte';
import { at, choose, last, redo, the, toggleChange, undo } from './state.svelte';
import { goToStop } from './tour';
import { halt, writeOn } from './writing.svelte';

export const panel = $state({ open: '' as '' | 'keys' | 'palette' });

export interface Action {
  keys: string[];
  says: [string, string];
  run: (event: KeyboardEvent | null) => void;
}

function moveToken(step: number): void {
  const to = Math.min(last(), Math.max(0, at() + step));
  the.position = to === last() ? -1 : to;
}

function moveWord(step: number): void {
  let to = at() + step;
  while (to > 0 && to < last() && !/^[\s]/.test(the.tokens[to]?.text ?? '')) to += step;
  moveToken(to - at());
}

const clamp = (value: number, most: number | undefined): number => Math.max(0, Math.min(value, (most ?? 1) - 1));

function tool(name: string): void {
  const focused = document.activeElement?.closest('[data-figure]') ?? document.querySelector('[data-figure]');
  focused?.querySelector<HTMLButtonElement>(`[data-tool='${name}']`)?.click();
}

/** What has the focus says which change it stands for; elsewhere it is the selected head. */
function change(): void {
  const focused = document.activeElement?.closest<HTMLElement>('[data-change]');
  toggleChange(focused?.dataset['change'] ?? `zero head ${the.layer}.${the.head}`);
}

function describe(): void {
  const focused = document.activeElement?.closest('[data-figure]') ?? document.querySelector('[data-figure]');
  say(focused?.querySelector('.says')?.textContent ?? '');
}

export async function copyLink(): Promise<void> {
  await copy(`${location.origin}${location.pathname}${link()}`);
  say(t('copied'));
}

/** Stop writing; if nothing is written, close what is open; else leave the Tour. */
function leave(): void {
  if (the.busy) halt();
  else if (panel.open) panel.open = '';
  else the.tour = 0;
}

export const ACTIONS: Action[] = [
  { keys: ['ArrowLeft'], says: ['previous token (Shift: word)', 'voriges Token (Umschalt: Wort)'], run: (e) => (e?.shiftKey ? moveWord(-1) : moveToken(-1)) },
  { keys: ['ArrowRight'], says: ['next token (Shift: word)', 'nächstes Token (Umschalt: Wort)'], run: (e) => (e?.shiftKey ? moveWord(1) : moveToken(1)) },
  { keys: ['Home'], says: ['first token', 'erstes Token'], run: () => (the.position = 0) },
  { keys: ['End'], says: ['last token', 'letztes Token'], run: () => (the.position = -1) },
  { keys: ['ArrowUp'], says: ['layer up', 'Schicht höher'], run: () => (the.layer = clamp(the.layer + 1, the.model?.config.n_layers)) },
  { keys: ['ArrowDown'], says: ['layer down', 'Schicht tiefer'], run: () => (the.layer = clamp(the.layer - 1, the.model?.config.n_layers)) },
  { keys: ['['], says: ['previous head', 'voriger Kopf'], run: () => (the.head = clamp(the.head - 1, the.model?.config.n_heads)) },
  { keys: [']'], says: ['next head', 'nächster Kopf'], run: () => (the.head = clamp(the.head + 1, the.model?.config.n_heads)) },
  { keys: [' '], says: ['one step: write the word that is drawn', 'ein Schritt: das gezogene Wort schreiben'], run: () => (the.tour ? goToStop(the.tour + 1) : the.next?.draw.chosen && choose(the.next.draw.chosen)) },
  { keys: ['w'], says: ['write 20 words', '20 Wörter schreiben'], run: () => void writeOn(20) },
  { keys: ['Escape'], says: ['stop, close', 'anhalten, schließen'], run: leave },
  { keys: ['u'], says: ['undo (Shift: redo)', 'zurück (Umschalt: vor)'], run: undo },
  { keys: ['U'], says: ['redo', 'vor'], run: redo },
  { keys: ['x'], says: ['switch off, or on, what has the focus: token, head, neuron, edge; else the selected head', 'aus- oder einschalten, was den Fokus hat: Token, Kopf, Neuron, Verbindung; sonst den gewählten Kopf'], run: change },
  { keys: ['c'], says: ['copy the number in hand as Python', 'die Zahl in der Hand als Python kopieren'], run: () => void copyPython().then(() => say(t('copied'))) },
  { keys: ['e'], says: ['export the picture', 'das Bild exportieren'], run: () => tool('export') },
  { keys: ['l'], says: ['copy the link', 'den Link kopieren'], run: () => void copyLink() },
  { keys: ['t'], says: ['the picture as a table', 'das Bild als Tabelle'], run: () => tool('table') },
  { keys: ['d'], says: ['read the description', 'die Beschreibung vorlesen'], run: describe },
  { keys: ['/'], says: ['find a page or an action (Ctrl+K)', 'Seite oder Aktion suchen (Strg+K)'], run: () => (panel.open = 'palette') },
  { keys: ['?'], says: ['this list', 'diese Liste'], run: () => (panel.open = 'keys') },
  ...PAGES.map(([name, digit]): Action => ({ keys: [digit], says: [name, t(name as Message)], run: () => setPage(name) })),
];

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== 'checkbox');
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    panel.open = 'palette';
    return;
  }
  if (event.key === 'Escape') {
    leave();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || panel.open || typing(event.target)) return;
  if (reader.letters === 'off' && event.key.length === 1) return;
  const pressed = event.target instanceof HTMLButtonElement && (event.key === ' ' || event.key === 'Enter');
  if (pressed) return; // the button's own
  const action = ACTIONS.find((each) => each.keys.includes(event.key));
  if (!action) return;
  event.preventDefault();
  action.run(event);
}

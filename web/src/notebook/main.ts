// The widget: what Python sent is opened once; the selection goes both ways.

import { mount, unmount } from 'svelte';
import { source } from '../lib/api';
import { takeColoursFrom } from '../lib/colour';
import { hand } from '../lib/hand.svelte';
import { readArrays } from '../lib/safetensors';
import { reader } from '../lib/reader.svelte';
import { the } from '../lib/state.svelte';
import look from '../look.css?inline';
import { answering, type Facts } from './answers';
import Notebook from './Notebook.svelte';

/** What a notebook gives us, whichever it is: anywidget's model. */
interface Kernel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, act: () => void): void;
  off(event: string, act: () => void): void;
}

declare const SCOPED_STYLES: string;

/** Whether the notebook around us is dark: each program says it in its own way. */
function isDark(): boolean {
  const [html, body] = [document.documentElement, document.body];
  if (body.dataset['jpThemeLight'] !== undefined) return body.dataset['jpThemeLight'] === 'false';
  if (body.classList.contains('vscode-dark') || html.classList.contains('dark') || html.getAttribute('theme') === 'dark') return true;
  if (body.classList.contains('vscode-light') || html.classList.contains('light')) return false;
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Act once an element is part of the page, where alone it has colours: JupyterLab fills it before. Gives what undoes it. */
function whenShown(el: HTMLElement, act: () => () => void): () => void {
  let undo = (): void => cancelAnimationFrame(waiting);
  let waiting = 0;
  const look = (): void => {
    if (el.isConnected) undo = act();
    else waiting = requestAnimationFrame(look);
  };
  look();
  return () => undo();
}

function render({ model, el }: { model: Kernel; el: HTMLElement }): () => void {
  const sent = model.get('data') as DataView;
  const kept = readArrays<Facts>(sent.buffer.slice(sent.byteOffset, sent.byteOffset + sent.byteLength) as ArrayBuffer);
  const { config, tokens, says } = kept.facts;
  const select = (): void => {
    [the.layer, the.head, the.position] = [model.get('layer') as number, model.get('head') as number, model.get('position') as number];
  };
  the.model = { name: 'notebook', config } as NonNullable<typeof the.model>;
  [the.tokens, the.typed] = [tokens, tokens.length];
  select();
  hand.before = 'from glassgpt.interpret import *  # seen is the trace that is shown';
  source.arrays = answering(kept);

  // A notebook's styles stay out and ours stay in; sheets that are made here need no permission for inline styles.
  const root = el.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${look} :host { display: block; } .paper { padding: 10px; background: var(--paper); color: var(--ink); } ${SCOPED_STYLES}`);
  root.adoptedStyleSheets = [sheet];
  const place = document.createElement('div');
  reader.theme = isDark() ? 'dark' : 'light';
  place.dataset['theme'] = reader.theme;
  place.className = 'paper';
  el.dataset['lmSuppressShortcuts'] = 'true'; // JupyterLab's single-letter commands would take our keys
  root.append(place);
  const leave = whenShown(el, () => {
    takeColoursFrom(place);
    const app = mount(Notebook, {
      target: place,
      props: {
        kept,
        says,
        selected: (layer: number, head: number, position: number) => {
          if (layer === model.get('layer') && head === model.get('head') && position === model.get('position')) return;
          model.set('layer', layer);
          model.set('head', head);
          model.set('position', position);
          model.save_changes();
        },
      },
    });
    return () => void unmount(app);
  });
  const events = ['change:layer', 'change:head', 'change:position'];
  for (const event of events) model.on(event, select);
  return () => {
    for (const event of events) model.off(event, select);
    leave();
  };
}

export default { render };

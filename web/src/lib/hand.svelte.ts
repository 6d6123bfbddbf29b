// The number in hand: the last one that was pointed at, with its formula and the Python that gives the same number.

import { about, ids, the } from './state.svelte';

export interface Held {
  value: number | null;
  name: string;
  python: string;
  formula?: string;
}

export const hand = $state({ held: null as Held | null, said: '' });

export function hold(held: Held): void {
  hand.held = held;
}

export function say(text: string): void {
  hand.said = text;
}

const quoted = (text: string): string => JSON.stringify(text);

/** What must stand before a copied line so that it gives the same number. */
export function preamble(): string {
  const { model, changes, source } = about();
  const spell = 'spell=lm.tokenizer.spell';
  const lines = [
    'import numpy as np',
    'import glassgpt',
    'from glassgpt.interpret import *',
    'from glassgpt.model.cost import forward_flops, past_bytes',
    '',
    `lm = glassgpt.load(${quoted(model)})`,
    `ids = [${ids().join(', ') || (the.model?.end_of_text ?? 0)}]`,
    `seen = trace(lm.model, ids, ${spell})`,
  ];
  if (changes.length === 0) return lines.join('\n');
  const made = changes.map((line) => `intervention(${quoted(line)}, plain, source)`);
  return [
    ...lines.slice(0, -1),
    `plain = trace(lm.model, ids, ${spell})`,
    `source = ${source.length ? `trace(lm.model, [${source.join(', ')}])` : 'plain'}`,
    `seen = trace(lm.model, ids, [${made.join(', ')}], ${spell})`,
  ].join('\n');
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

export async function copyPython(): Promise<void> {
  if (hand.held) await copy(`${preamble()}\n\n${hand.held.python}\n`);
}

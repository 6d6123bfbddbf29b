// The number in hand: the last one that was pointed at, with its formula and the Python that gives the same number.

import { page, type PageName } from './pages.svelte';
import { about, ids, the } from './state.svelte';

export interface Held {
  value: number | null;
  name: string;
  python: string;
  formula?: string;
}

export const hand = $state({ held: null as Held | null, said: '', before: null as string | null });

export function hold(held: Held): void {
  hand.held = held;
}

/** Nothing is in hand any more: what was, belongs to another page. */
export function drop(): void {
  hand.held = null;
}

export function say(text: string): void {
  hand.said = text;
}

const quoted = (text: string): string => JSON.stringify(text);

/** What the numbers of some pages need besides, each page its own. */
const ALSO: Partial<Record<PageName, () => string[]>> = {
  write: () => [
    'from glassgpt.sampling import Row, SamplingParams, explain, key',
    `settings = SamplingParams(${settings()})`,
    `row = Row(settings, ids, ${the.tokens.length - the.typed}, (lm.tokenizer.end_of_text,))`,
    `drawn = explain(seen.logits(), row, key(${the.sampling.seed}, 0, len(ids)), lm.tokenizer.vocab_size)`,
  ],
  weights: () => ['from glassgpt.model.cost import forward_flops, past_bytes'],
  cache: () => ['from glassgpt.model.cost import forward_flops, past_bytes'],
  train: () => ['from pathlib import Path', 'from glassgpt.train.history import read_history'],
};

function settings(): string {
  const { seed, top_k, ...others } = the.sampling;
  const floats = Object.entries(others).map(([name, value]) => `${name}=${Number.isInteger(value) ? value.toFixed(1) : value}`);
  return [`top_k=${top_k}`, ...floats, `seed=${seed}`].join(', ');
}

/** What must stand before a copied line so that it gives the same number. */
export function preamble(): string {
  if (hand.before !== null) return hand.before;
  const { model, changes, source } = about();
  const where = the.model?.name === model ? the.model.where : model;
  const spell = 'spell=lm.tokenizer.spell';
  const also = ALSO[page.name]?.() ?? [];
  const imports = ['import numpy as np', 'import glassgpt', 'from glassgpt.interpret import *', ...also.filter((line) => line.startsWith('from '))];
  const read = [`lm = glassgpt.load(${quoted(where)}, backend="torch")`, `ids = [${ids().join(', ') || (the.model?.end_of_text ?? 0)}]`];
  const made = changes.map((line) => `intervention(${quoted(line)}, plain, source)`);
  const seen = changes.length
    ? [
        `plain = trace(lm.model, ids, ${spell})`,
        `source = ${source.length ? `trace(lm.model, [${source.join(', ')}])` : 'plain'}`,
        `seen = trace(lm.model, ids, [${made.join(', ')}], ${spell})`,
      ]
    : [`seen = trace(lm.model, ids, ${spell})`];
  return [...imports, '', ...read, ...seen, ...also.filter((line) => !line.startsWith('from '))].join('\n');
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

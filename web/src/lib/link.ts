// The link that holds the whole selection, and how it is read back: whatever it says, what is set is allowed.

import { ask } from './api';
import { t } from './i18n.svelte';
import { page, setPage } from './pages.svelte';
import { ids, openModel, setTokens, the, type AttentionTab, type Change, type Sampling } from './state.svelte';
import type { Token } from './words';

const SETTINGS: Record<string, keyof Sampling> = {
  t: 'temperature',
  k: 'top_k',
  n: 'top_p',
  mp: 'min_p',
  rp: 'repetition_penalty',
  s: 'seed',
};
const TABS: AttentionTab[] = ['pattern', 'scores', 'qkv', 'writes'];

export function link(): string {
  const parts = new URLSearchParams();
  if (the.model) {
    parts.set('m', the.model.name);
    parts.set('f', the.model.fingerprint);
  }
  parts.set('i', ids().join('.'));
  if (the.typed !== the.tokens.length) parts.set('w', String(the.tokens.length - the.typed));
  if (the.position >= 0) parts.set('p', String(the.position));
  parts.set('l', String(the.layer));
  parts.set('h', String(the.head));
  if (the.word !== null) parts.set('v', String(the.word));
  for (const [short, name] of Object.entries(SETTINGS)) parts.set(short, String(the.sampling[name]));
  if (the.hideFirst) parts.set('hf', '1');
  if (the.weighted) parts.set('vw', '1');
  if (the.other) parts.set('o', the.other);
  if (the.stop) parts.set('st', String(the.stop));
  if (the.tab !== 'pattern') parts.set('tb', the.tab);
  if (the.tour) parts.set('to', String(the.tour));
  if (the.changes.length) parts.set('x', JSON.stringify(the.changes));
  if (the.source.length) parts.set('xs', the.source.join('.'));
  return `#/${page.name}?${parts.toString()}`;
}

export async function restore(hash: string): Promise<boolean> {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  if (path) setPage(path);
  const parts = new URLSearchParams(query);
  if (!parts.has('i')) return false;
  await openModel(parts.get('m') ?? '').catch(() => openModel(''));
  const expected = parts.get('f');
  const wanted = (parts.get('i') ?? '').split('.').filter(Boolean).map(Number);
  const known = wanted.every((id) => Number.isInteger(id) && id >= 0 && id < (the.model?.words ?? 0));
  const named = await ask<{ tokens: Token[] }>('names', { model: the.model?.name ?? '', ids: known ? wanted : [] });
  setTokens(named.tokens, named.tokens.length - number(parts, 'w', 0));
  the.position = Math.max(-1, Math.round(number(parts, 'p', -1)));
  the.layer = within(number(parts, 'l', 0), (the.model?.config.n_layers ?? 1) - 1);
  the.head = within(number(parts, 'h', 0), (the.model?.config.n_heads ?? 1) - 1);
  the.word = parts.has('v') ? within(number(parts, 'v', 0), (the.model?.config.vocab_size ?? 1) - 1) : null;
  for (const [short, name] of Object.entries(SETTINGS)) the.sampling[name] = number(parts, short, the.sampling[name]);
  the.hideFirst = parts.get('hf') === '1';
  the.weighted = parts.get('vw') === '1';
  the.other = parts.get('o') ?? '';
  the.stop = within(number(parts, 'st', 0), 2 * (the.model?.config.n_layers ?? 0));
  the.tab = TABS.find((tab) => tab === parts.get('tb')) ?? 'pattern';
  the.tour = number(parts, 'to', 0);
  the.changes = readChanges(parts.get('x'));
  the.source = (parts.get('xs') ?? '').split('.').filter(Boolean).map(Number).filter(Number.isInteger);
  if (expected && expected !== the.model?.fingerprint) the.warning = t('other_fingerprint', { old: expected, now: the.model?.fingerprint ?? '' });
  return true;
}

/** A whole number from 0 to `most`, whatever a link says. */
const within = (value: number, most: number): number => Math.max(0, Math.min(most, Math.round(value)));

function number(parts: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(parts.get(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : otherwise;
}

function readChanges(text: string | null): Change[] {
  try {
    const read: unknown = JSON.parse(text ?? '[]');
    const made = Array.isArray(read) ? (read as Change[]).filter((change) => typeof change?.line === 'string') : [];
    return made.filter((change, n) => made.findIndex((other) => other.line === change.line) === n);
  } catch {
    return [];
  }
}

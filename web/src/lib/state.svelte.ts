// The one selection that every view shows.

import { ask, isAbort } from './api';
import type { Likely, Token } from './words';

export interface Model {
  name: string;
  /** What `glassgpt.load` takes. */
  where: string;
  fingerprint: string;
  parameters: number;
  config: {
    vocab_size: number;
    context_length: number;
    emb_dim: number;
    n_heads: number;
    n_layers: number;
    mlp_width: number;
    head_dim: number;
    tie_embeddings: boolean;
  };
  end_of_text: number;
  words: number;
  device: string;
  dtype: string;
}

export interface Sampling {
  temperature: number;
  top_k: number;
  top_p: number;
  min_p: number;
  repetition_penalty: number;
  seed: number;
}

/** An intervention in the library's own words, such as `zero head 5.1`; switched off, it waits. */
export interface Change {
  line: string;
  off?: boolean;
}

export interface Draw {
  seed: number;
  greedy: boolean;
  stages: { name: string; kept: number; words: (number | null)[] }[];
  ruler: Likely[];
  curve: { ranks: number[]; left: number[] };
  chosen: Likely | null;
  before: number;
  race: { id: number; luck: number; time: number | null }[];
}

export interface Next {
  words: (Likely & { logit: number })[];
  others: { count: number; probability: number };
  all: number[];
  entropy: number;
  ids: number[];
  draw: Draw;
  cache: { reused: number; new: number; seconds: number };
}

export type AttentionTab = 'pattern' | 'scores' | 'qkv' | 'writes';

export const FIRST_TEXT = 'It was a dark night, and the captain of the ship';

export const the = $state({
  model: null as Model | null,
  models: [] as { name: string; where: string; run: string | null; step: number | null }[],
  tokens: [] as Token[],
  position: -1,
  layer: 0,
  head: 0,
  word: null as number | null,
  typed: 0,
  sampling: { temperature: 0.8, top_k: 40, top_p: 1, min_p: 0, repetition_penalty: 1, seed: 42 } as Sampling,
  changes: [] as Change[],
  source: [] as number[],
  hideFirst: false,
  weighted: false,
  other: '',
  stop: 0,
  tab: 'pattern' as AttentionTab,
  tour: 0,
  next: null as Next | null,
  error: '',
  warning: '',
  busy: false,
});

export const ids = (): number[] => the.tokens.map((token) => token.id);
export const last = (): number => Math.max(0, the.tokens.length - 1);
export const at = (): number => (the.position < 0 || the.position > last() ? last() : the.position);
export const changes = (): string[] => the.changes.filter((change) => !change.off).map((change) => change.line);
export interface About {
  model: string;
  ids: number[];
  changes: string[];
  source: number[];
}
export const about = (): About => ({ model: the.model?.name ?? '', ids: ids(), changes: changes(), source: the.source });

export function fail(error: unknown): void {
  if (!isAbort(error)) the.error = error instanceof Error ? error.message : String(error);
}

let typing: AbortController | null = null;

/** Open a model; the text stays, in its own tokens. Both change at once: no question is asked about one's ids in the other. */
export async function openModel(name: string): Promise<void> {
  const old = the.model;
  const text = old ? await textNow() : '';
  const model = await ask<Model>(`model?name=${encodeURIComponent(name)}`);
  const isOther = old !== null && old.name !== model.name;
  const read = isOther ? await ask<{ tokens: Token[] }>('tokens', { model: model.name, text }) : null;
  typing?.abort();
  the.model = model;
  the.layer = Math.min(the.layer, model.config.n_layers - 1);
  the.head = Math.min(the.head, model.config.n_heads - 1);
  if (isOther && old.words !== model.words) the.source = [];
  if (read) setTokens(read.tokens, read.tokens.length);
}

export async function textNow(): Promise<string> {
  const named = await ask<{ text: string }>('names', { model: the.model?.name ?? '', ids: ids() });
  return named.text;
}

export async function setText(text: string): Promise<void> {
  const model = the.model;
  if (!model) return;
  typing?.abort();
  const mine = new AbortController();
  typing = mine;
  try {
    const found = await ask<{ tokens: Token[] }>('tokens', { model: model.name, text }, mine.signal);
    if (typing !== mine) return;
    setTokens(found.tokens, found.tokens.length);
  } catch (error) {
    fail(error);
  }
}

export function setTokens(tokens: Token[], typed = the.typed, probability = 0): void {
  const most = the.model?.config.context_length ?? tokens.length;
  the.warning = tokens.length > most ? 'cut' : '';
  the.tokens = tokens.slice(0, most);
  the.typed = Math.min(typed, the.tokens.length);
  the.position = -1;
  the.word = null;
  note(probability);
}

// The story tree: every text that was reached by choosing a word hangs under the text it came from.

export interface Node {
  key: string;
  parent: string | null;
  tokens: Token[];
  probability: number;
  children: string[];
  /** Given by the reader; a node with a name is a bookmark. */
  name?: string;
}

export const tree = $state({ nodes: {} as Record<string, Node>, undone: [] as Token[][] });

export const keyOf = (tokens: Token[]): string => tokens.map((token) => token.id).join('.');

function note(probability = 0): void {
  const tokens = $state.snapshot(the.tokens) as Token[];
  const key = keyOf(tokens);
  if (!tree.nodes[key] && tokens.length > 0) {
    const above = tree.nodes[keyOf(tokens.slice(0, -1))];
    tree.nodes[key] = { key, parent: above?.key ?? null, tokens, probability, children: [] };
    above?.children.push(key);
  }
  for (const node of Object.values(tree.nodes)) {
    if (node.parent === null && node.children.length === 0 && node.key !== key && !node.name) delete tree.nodes[node.key];
  }
}

export function choose(token: Token & { probability?: number }): void {
  const most = the.model?.config.context_length ?? 0;
  if (the.tokens.length >= most) {
    the.warning = 'full';
    return;
  }
  const { id, text, bytes, special } = token;
  const plain: Token = { id };
  if (text !== undefined) plain.text = text;
  if (bytes !== undefined) plain.bytes = bytes;
  if (special) plain.special = true;
  tree.undone = [];
  setTokens([...the.tokens, plain], the.typed, token.probability);
}

export function undo(): void {
  if (the.tokens.length < 2) return;
  tree.undone.push($state.snapshot(the.tokens) as Token[]);
  setTokens(the.tokens.slice(0, -1));
}

export function redo(): void {
  const tokens = tree.undone.pop();
  if (tokens) setTokens(tokens);
}

export function goTo(key: string): void {
  const node = tree.nodes[key];
  if (node) setTokens(node.tokens);
}

export function rename(key: string, name: string): void {
  const node = tree.nodes[key];
  if (!node) return;
  if (name.trim()) node.name = name.trim().slice(0, 60);
  else delete node.name;
}

export function prune(key: string): void {
  const node = tree.nodes[key];
  if (!node) return;
  for (const child of [...node.children]) prune(child);
  const above = node.parent === null ? undefined : tree.nodes[node.parent];
  if (above) above.children = above.children.filter((child) => child !== key);
  delete tree.nodes[key];
}

// The next words follow the text; an answer that comes too late is dropped.

let asking: AbortController | null = null;

export async function refresh(): Promise<void> {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  const body = { ...about(), sampling: { ...the.sampling }, top: 10, written: the.tokens.length - the.typed };
  try {
    const found = await ask<Next>('next', body, mine.signal);
    if (asking !== mine) return;
    the.next = found;
    the.error = '';
  } catch (error) {
    if (asking === mine) fail(error);
  }
}

export function toggleChange(line: string): void {
  const found = the.changes.findIndex((one) => one.line === line);
  if (found >= 0) the.changes.splice(found, 1);
  else the.changes.push({ line });
}

// Writing on: tokens arrive one by one; Esc hangs up, which stops the engine.

import { happenings } from './api';
import { about, fail, setTokens, the } from './state.svelte';
import type { Token } from './words';

let running: AbortController | null = null;

export function halt(): void {
  running?.abort();
  running = null;
  the.busy = false;
}

export async function writeOn(count: number): Promise<void> {
  halt();
  const mine = new AbortController();
  running = mine;
  the.busy = true;
  try {
    for await (const { data } of happenings('write', { ...about(), sampling: { ...the.sampling }, count }, mine.signal)) {
      if (mine.signal.aborted) return;
      const token = data as Token & { finish: string | null };
      const plain: Token = { id: token.id };
      if (token.text !== undefined) plain.text = token.text;
      if (token.bytes !== undefined) plain.bytes = token.bytes;
      if (token.special) plain.special = true;
      if (the.tokens.length >= (the.model?.config.context_length ?? 0)) break;
      setTokens([...the.tokens, plain]);
    }
  } catch (error) {
    fail(error);
  } finally {
    if (running === mine) halt();
  }
}

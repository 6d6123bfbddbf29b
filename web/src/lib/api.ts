// Questions to the server on this machine: JSON for words, safetensors for arrays, events for what takes time.

import { type Arrays, readArrays } from './safetensors';

export class Refused extends Error {}

async function send(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const asked: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  if (signal) asked.signal = signal;
  const reply = await fetch(`api/${path}`, asked);
  if (reply.ok) return reply;
  const said = (await reply.json().catch(() => null)) as { error?: { message?: string } } | null;
  throw new Refused(said?.error?.message ?? `${reply.status} ${reply.statusText}`);
}

// The page says that it is busy while an answer is outstanding: to screen readers, and to whoever drives it.
let outstanding = 0;

async function counted<T>(asked: () => Promise<T>): Promise<T> {
  const tell = (change: number): void => {
    outstanding += change;
    document.getElementById('page')?.setAttribute('aria-busy', String(outstanding > 0));
  };
  tell(1);
  try {
    return await asked();
  } finally {
    tell(-1);
  }
}

export async function ask<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return counted(async () => (await (await send(path, body, signal)).json()) as T);
}

/** Who gives arrays: the server on this machine or, if something is put here, what came along with a notebook. */
export const source = { arrays: null as ((path: string, body: unknown) => Arrays<unknown>) | null };

export async function askArrays<Facts>(path: string, body: unknown, signal?: AbortSignal): Promise<Arrays<Facts>> {
  if (source.arrays) return source.arrays(path, body) as Arrays<Facts>;
  return counted(async () => readArrays<Facts>(await (await send(path, body, signal)).arrayBuffer()));
}

export interface Happening {
  name: string;
  data: unknown;
}

export async function* happenings(path: string, body: unknown, signal?: AbortSignal): AsyncGenerator<Happening> {
  const reader = (await send(path, body, signal)).body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  let waiting = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += decoder.decode(value, { stream: true });
    const blocks = waiting.split('\n\n');
    waiting = blocks.pop() ?? '';
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block: string): Happening {
  let name = 'message';
  let data = 'null';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    if (line.startsWith('data: ')) data = line.slice(6);
  }
  const value = JSON.parse(data) as { error?: { message?: string } } | null;
  if (name === 'error') throw new Refused(value?.error?.message ?? 'the server stopped');
  return { name, data: value };
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

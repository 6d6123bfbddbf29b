// What came along with the notebook, in the form in which the Explorer's server would answer.

import type { Arrays, Tensor } from '../lib/safetensors';
import type { Model } from '../lib/state.svelte';
import type { Token } from '../lib/words';

export interface Facts {
  config: Model['config'];
  tokens: Token[];
  /** Words of the lens, by id. */
  words: Record<string, Token>;
  says: string;
}

/** Small pictures of all heads of a layer: of each patch the strongest share, as bytes of its square root. */
export function thumbnails(kept: Arrays<Facts>, layer: number, most: number): Tensor {
  const [, heads = 1, side = 1] = kept.get('looks').shape;
  const size = Math.min(most, side);
  const shares = (kept.get('looks').data as Float32Array).subarray(layer * heads * side * side);
  const data = new Uint8Array(heads * size * size);
  const begin = Array.from({ length: size }, (_, n) => Math.floor((n * side) / size));
  const end = Array.from({ length: size }, (_, n) => Math.ceil(((n + 1) * side) / size));
  for (let cell = 0; cell < data.length; cell += 1) {
    const head = Math.floor(cell / (size * size));
    const [row, column] = [Math.floor(cell / size) % size, cell % size];
    let strongest = 0;
    for (let r = begin[row]!; r < end[row]!; r += 1)
      for (let c = begin[column]!; c < end[column]!; c += 1)
        strongest = Math.max(strongest, shares[(head * side + r) * side + c]!);
    data[cell] = Math.round(255 * Math.sqrt(strongest));
  }
  return { shape: [heads, size, size], data };
}

export function answering(kept: Arrays<Facts>): (path: string, body: unknown) => Arrays<unknown> {
  return (path, body) => {
    if (path !== 'heads') throw new Error(`a notebook does not hold ${path}`);
    const { layer, size } = body as { layer: number; size: number };
    const heads = thumbnails(kept, layer, size);
    return { facts: { layer }, get: () => heads, floats: () => Float32Array.from(heads.data as Uint8Array), bytes: () => heads.data as Uint8Array };
  };
}

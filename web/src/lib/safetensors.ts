// Reads a safetensors reply: eight bytes of length, a JSON header, then the arrays as they lie in memory.

export type Numbers = Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array;

export interface Tensor {
  shape: number[];
  data: Numbers;
}

export interface Arrays<Facts> {
  facts: Facts;
  get(name: string): Tensor;
  floats(name: string): Float32Array;
  bytes(name: string): Uint8Array;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const KINDS: Record<string, (buffer: ArrayBuffer) => Numbers> = {
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => new Float64Array(buffer),
  U8: (buffer) => new Uint8Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
};

export function readArrays<Facts>(buffer: ArrayBuffer): Arrays<Facts> {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))) as Record<string, Entry> & {
    __metadata__?: { facts?: string };
  };
  const facts = JSON.parse(header.__metadata__?.facts ?? 'null') as Facts;
  const get = (name: string): Tensor => {
    const entry = header[name];
    if (!entry) throw new Error(`the reply has no array ${name}`);
    const make = KINDS[entry.dtype];
    if (!make) throw new Error(`arrays of ${entry.dtype} are not read`);
    const [start, end] = entry.data_offsets;
    return { shape: entry.shape, data: make(buffer.slice(8 + length + start, 8 + length + end)) };
  };
  return {
    facts,
    get,
    floats: (name) => Float32Array.from(get(name).data as Float32Array),
    bytes: (name) => get(name).data as Uint8Array,
  };
}

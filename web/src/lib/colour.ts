// Colours of pictures: from the theme's own paper to one hue, or from minus through paper to plus.

import { reader } from './reader.svelte';

type Rgb = [number, number, number];

let themed: Element = document.documentElement;

/** Take colours from an element other than the whole page: in a notebook, from our part of it. */
export function takeColoursFrom(element: Element): void {
  themed = element;
  ramps.clear();
}

function read(name: string): Rgb {
  const text = getComputedStyle(themed).getPropertyValue(name).trim();
  const given = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text)?.[1] ?? '000000';
  const hex = given.length === 3 ? [...given].map((digit) => digit + digit).join('') : given;
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Rgb;
}

const mix = (from: Rgb, to: Rgb, share: number): Rgb => from.map((value, n) => value + (to[n]! - value) * share) as Rgb;

const ramps = new Map<string, Uint8ClampedArray>();

/** 256 colours, four bytes each. */
export function ramp(name: '--key' | '--query' | '--value' | '--accent' | 'both'): Uint8ClampedArray {
  const key = `${reader.theme} ${name}`;
  const found = ramps.get(key);
  if (found) return found;
  const paper = read('--card');
  const made = new Uint8ClampedArray(1024);
  for (let n = 0; n < 256; n += 1) {
    const at = name === 'both' ? Math.abs(n - 127.5) / 127.5 : n / 255;
    const hue = name === 'both' ? read(n < 127.5 ? '--minus' : '--plus') : read(name);
    made.set([...mix(paper, hue, at), 255], 4 * n);
  }
  ramps.set(key, made);
  return made;
}

/** Numbers of either sign as bytes around 128, the farthest from 0 at the end; square roots keep small ones visible. */
export function signed(values: ArrayLike<number>, peak = 0): Uint8Array {
  let most = peak;
  if (!most) for (let n = 0; n < values.length; n += 1) if (Number.isFinite(values[n])) most = Math.max(most, Math.abs(values[n]!));
  const made = new Uint8Array(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]!;
    const share = Number.isFinite(value) ? Math.sqrt(Math.min(1, Math.abs(value) / (most || 1))) : 0;
    made[n] = Math.round(127.5 + (value < 0 ? -127.5 : 127.5) * share);
  }
  return made;
}

export function paint(canvas: HTMLCanvasElement, bytes: Uint8Array, rows: number, columns: number, colours: Uint8ClampedArray): void {
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext('2d');
  if (!context || rows === 0 || columns === 0) return;
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const words = new Uint32Array(colours.buffer);
  for (let n = 0; n < bytes.length; n += 1) pixels[n] = words[bytes[n]!]!;
  context.putImageData(image, 0, 0);
}

// Tokens for readers: spaces, newlines and halves of characters are made visible.

export interface Token {
  id: number;
  text?: string;
  bytes?: string;
  special?: boolean;
}

export interface Likely extends Token {
  probability: number;
}

const CONTROL = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

export function spell(token: { text?: string; bytes?: string } | undefined): string {
  if (!token) return '';
  if (token.text === undefined) return `⟨${(token.bytes ?? '').toUpperCase()}⟩`;
  const inner = token.text.replace(/^ +| +$/g, '');
  if (inner === '') return '·'.repeat(token.text.length) || '∅';
  const left = '·'.repeat(token.text.length - token.text.trimStart().length && leading(token.text));
  const right = '·'.repeat(trailing(token.text));
  return left + [...inner].map(visible).join('') + right;
}

function leading(text: string): number {
  return /^ */.exec(text)?.[0].length ?? 0;
}

function trailing(text: string): number {
  return / *$/.exec(text)?.[0].length ?? 0;
}

function visible(character: string): string {
  if (character === '\n') return '↵';
  if (character === '\t') return '⇥';
  if (!CONTROL.test(character)) return character;
  return `⟨${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

export function short(token: Token | undefined, most = 14): string {
  const shown = [...spell(token)];
  return shown.length <= most ? shown.join('') : `${shown.slice(0, most - 1).join('')}…`;
}

export function percent(share: number, digits = 1): string {
  const value = 100 * share;
  if (value !== 0 && value < 0.5 * 10 ** -digits) return `<${(10 ** -digits).toFixed(digits)} %`;
  return `${value.toFixed(digits)} %`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 2 : 1)} ${units[unit] ?? ''}`;
}

export function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
}

// Every word of the interface comes from a catalogue; numbers and tokens do not.

import { recall, remember } from './memory';
import { LANGUAGES, type Language, MESSAGES, type Message } from './messages';

const NAMES = Object.keys(LANGUAGES) as Language[];
const preferred = NAMES.find((name) => typeof navigator !== 'undefined' && navigator.language.startsWith(name)) ?? 'en';

export const language = $state({ now: recall('language', NAMES, preferred) });

export function setLanguage(now: Language): void {
  language.now = now;
  remember('language', now);
}

export function t(message: Message, values: Record<string, string | number> = {}): string {
  const text = MESSAGES[message][NAMES.indexOf(language.now)] ?? MESSAGES[message][0];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

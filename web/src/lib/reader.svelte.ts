// Preferences of the reader, not of the view: kept in this browser.

import { recall, remember } from './memory';

export const reader = $state({
  theme: recall('theme', ['light', 'dark'] as const, 'light'),
  letters: recall('letters', ['on', 'off'] as const, 'on'),
});

export function setTheme(theme: 'light' | 'dark'): void {
  reader.theme = theme;
  remember('theme', theme);
}

export function setLetters(letters: 'on' | 'off'): void {
  reader.letters = letters;
  remember('letters', letters);
}

// A few preferences in the browser's own storage; where that is switched off, for this visit only.

export function recall<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
  try {
    const found = localStorage.getItem(`glassgpt.${name}`) as T | null;
    return found !== null && allowed.includes(found) ? found : otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`glassgpt.${name}`, value);
  } catch {
    // private windows may refuse
  }
}

// The pages in the order of the rail, each with its digit.

export const PAGES = [
  ['write', '1'],
  ['journey', '2'],
  ['attention', '3'],
  ['words', '4'],
  ['weights', '5'],
  ['cache', '6'],
  ['experiment', '7'],
  ['compare', '8'],
  ['train', '9'],
  ['read', '0'],
  ['tour', 'g'],
] as const;

export type PageName = (typeof PAGES)[number][0];

export const page = $state({ name: 'write' as PageName });

export function setPage(name: string): void {
  const found = PAGES.find(([each]) => each === name);
  if (found) page.name = found[0];
}

// A picture as a file: what is on the screen, drawn again as SVG with its text as text and its matrices as images.

const NS = 'http://www.w3.org/2000/svg';

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '�');
}

function seen(color: string): boolean {
  return color !== '' && color !== 'transparent' && !/, 0\)$/.test(color);
}

function box(element: Element, origin: DOMRect): string {
  const style = getComputedStyle(element);
  const place = element.getBoundingClientRect();
  const line = Number.parseFloat(style.borderBottomWidth) > 0 && Number.parseFloat(style.borderTopWidth) > 0;
  if (!seen(style.backgroundColor) && !(line && seen(style.borderTopColor))) return '';
  const fill = seen(style.backgroundColor) ? style.backgroundColor : 'none';
  const stroke = line && seen(style.borderTopColor) ? ` stroke="${style.borderTopColor}"` : '';
  const radius = Number.parseFloat(style.borderTopLeftRadius) || 0;
  const [x, y] = [place.left - origin.left, place.top - origin.top];
  return `<rect x="${x}" y="${y}" width="${place.width}" height="${place.height}" rx="${radius}" fill="${fill}"${stroke}/>`;
}

function words(node: Text, origin: DOMRect): string {
  const parent = node.parentElement;
  if (!parent || !node.data.trim()) return '';
  const range = document.createRange();
  range.selectNodeContents(node);
  const place = range.getBoundingClientRect();
  if (place.width === 0) return '';
  const style = getComputedStyle(parent);
  const size = Number.parseFloat(style.fontSize);
  const [x, y] = [place.left - origin.left, place.top - origin.top + place.height / 2 + size * 0.35];
  const font = `font-family="${escape(style.fontFamily)}" font-size="${size}" font-weight="${style.fontWeight}"`;
  return `<text x="${x}" y="${y}" ${font} fill="${style.color}" xml:space="preserve">${escape(node.data)}</text>`;
}

const KEPT = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'font-family', 'font-size', 'text-anchor'];

function drawing(element: SVGSVGElement, origin: DOMRect): string {
  const copy = element.cloneNode(true) as SVGSVGElement;
  const from = [element, ...element.querySelectorAll('*')];
  const to = [copy, ...copy.querySelectorAll('*')];
  to.forEach((node, n) => {
    const style = getComputedStyle(from[n] as Element);
    for (const name of KEPT) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute('style');
    node.removeAttribute('class');
  });
  const place = element.getBoundingClientRect();
  copy.setAttribute('x', String(place.left - origin.left));
  copy.setAttribute('y', String(place.top - origin.top));
  copy.setAttribute('width', String(place.width));
  copy.setAttribute('height', String(place.height));
  return new XMLSerializer().serializeToString(copy);
}

function parts(node: Node, origin: DOMRect): string {
  if (node instanceof Text) return words(node, origin);
  if (!(node instanceof Element) || node.classList.contains('sr')) return '';
  if (node instanceof SVGSVGElement) return drawing(node, origin);
  if (node instanceof HTMLCanvasElement) {
    const place = node.getBoundingClientRect();
    const where = `x="${place.left - origin.left}" y="${place.top - origin.top}" width="${place.width}" height="${place.height}"`;
    return `<image ${where} href="${node.toDataURL()}" image-rendering="pixelated" preserveAspectRatio="none"/>`;
  }
  return box(node, origin) + [...node.childNodes].map((child) => parts(child, origin)).join('');
}

export function svgOf(element: HTMLElement, title: string, says: string): string {
  const place = element.getBoundingClientRect();
  const [wide, high] = [Math.ceil(element.scrollWidth), Math.ceil(element.scrollHeight)];
  const paper = getComputedStyle(element).getPropertyValue('--paper');
  const body = [...element.childNodes].map((child) => parts(child, place)).join('');
  return (
    `<svg xmlns="${NS}" viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}">` +
    `<title>${escape(title)}</title><desc>${escape(says)}</desc>` +
    `<rect width="100%" height="100%" fill="${paper}"/>${body}</svg>`
  );
}

export async function pngOf(svg: string, scale = 2): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width * scale, image.height * scale];
  const context = canvas.getContext('2d');
  context?.scale(scale, scale);
  context?.drawImage(image, 0, 0);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no picture')))));
}

export type Rows = Record<string, string | number | null>[];

export function csvOf(rows: Rows): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: string | number | null | undefined): string => {
    const text = value === null || value === undefined ? '' : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) && typeof value === 'string' ? `'${text}` : text; // no formula for a spreadsheet
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name])).join(','))].join('\r\n');
}

export function htmlOf(svg: string, title: string, says: string, python: string, rows: Rows): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (row: Rows[number]): string =>
    `<tr>${names.map((name) => `<td>${escape(String(row[name] ?? ''))}</td>`).join('')}</tr>`;
  const table = `<table><tr>${names.map((name) => `<th>${escape(name)}</th>`).join('')}</tr>${rows.map(line).join('')}</table>`;
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>` +
    '<style>body{font:16px/1.5 Georgia,serif;max-width:60rem;margin:2rem auto;padding:0 1rem}svg{max-width:100%;height:auto}' +
    'table{border-collapse:collapse;font:13px ui-monospace,monospace}td,th{padding:2px 10px 2px 0;text-align:left}' +
    `pre{background:#f3f0e9;padding:1rem;overflow:auto}</style><h1>${escape(title)}</h1>${svg}<p>${escape(says)}</p>` +
    `<h2>Python</h2><pre>${escape(python)}</pre><details><summary>Numbers</summary>${table}</details></html>\n`
  );
}

export function save(content: Blob | string, name: string, kind: string): void {
  const blob = content instanceof Blob ? content : new Blob([content], { type: kind });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

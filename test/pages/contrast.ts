// A probe that runs in the page: texts whose contrast with their background is below WCAG AA.

/** Resolves to one line for each kind of text that is too faint; links and buttons among them. */
export const CONTRAST_PROBE = `(() => {
  const rgb = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return { c: m.slice(0, 3), a: m[3] ?? 1 }; };
  const light = (c) => { const f = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const behind = (e) => { for (let at = e; at; at = at.parentElement) { const b = rgb(getComputedStyle(at).backgroundColor); if (b.a === 1) return b.c; } return [255, 255, 255]; };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (node.data.trim() === '' || ['SCRIPT', 'STYLE'].includes(e.tagName) || e.getClientRects().length === 0) continue;
    const style = getComputedStyle(e);
    const color = rgb(e instanceof SVGElement ? style.fill : style.color).c;
    const [a, b] = [light(color), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
  }
  return [...faint];
})()`;

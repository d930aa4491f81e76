// Colour for terminals. Never the only signal: every word stands without it.

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

const same = (text: string): string => text;
export const PLAIN: Style = { bold: same, dim: same, red: same, green: same, yellow: same };

const paint =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${open}m${text}\u001b[${close}m`;
export const ANSI: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
};

/** Red for bad, green for good, yellow for could-not-tell. */
export function verdictStyle(style: Style, verdict: string): (text: string) => string {
  if (verdict === 'regressed' || verdict === 'fail' || verdict === 'none') return style.red;
  if (verdict === 'improved' || verdict === 'unchanged' || verdict === 'pass' || verdict === 'verified')
    return style.green;
  return style.yellow;
}

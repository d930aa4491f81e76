// Colour for terminals. Never the only signal: every word stands without it.

import { styleText } from 'node:util';

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
  (format: 'bold' | 'dim' | 'red' | 'green' | 'yellow') =>
  (text: string): string =>
    // Whether the stream is a terminal was asked before.
    styleText(format, text, { validateStream: false });
export const ANSI: Style = {
  bold: paint('bold'),
  dim: paint('dim'),
  red: paint('red'),
  green: paint('green'),
  yellow: paint('yellow'),
};

/** Red for bad, green for good, yellow for could-not-tell. */
export function verdictStyle(style: Style, verdict: string): (text: string) => string {
  if (verdict === 'regressed' || verdict === 'fail' || verdict === 'none') return style.red;
  if (verdict === 'improved' || verdict === 'unchanged' || verdict === 'pass' || verdict === 'verified')
    return style.green;
  return style.yellow;
}

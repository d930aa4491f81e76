// The shell of a self-contained HTML page: no server, no network; only our own style and script, named by their hashes.

import { sha256 } from '../core/index.ts';
import { htmlText } from './escape.ts';
import { PAGE_STYLE } from './html-style.ts';

export interface PageExtras {
  /** Our own script; the policy lets exactly this text run and nothing else. */
  readonly script?: string;
  /** Data blocks by element id, for the script: `scriptJson`, a long one in pieces. They never run. */
  readonly data?: Readonly<Record<string, Iterable<string>>>;
  /** Where the skip link leads; default the top of `main`. */
  readonly skipTo?: { readonly id: string; readonly text: string };
}

/** A whole page. `body` is markup already made safe. Nothing is loaded, no form is sent, no foreign script or style counts. */
export function htmlPage(title: string, body: string, extras: PageExtras = {}): string {
  return [...htmlPagePieces(title, body, extras)].join('');
}

/** The same page in pieces: with its data blocks a large one is best not held as a whole. */
export function* htmlPagePieces(title: string, body: string, extras: PageExtras = {}): Iterable<string> {
  const { script, data = {}, skipTo = { id: 'main', text: 'Skip to the content' } } = extras;
  const policy = [
    "default-src 'none'",
    `style-src '${sourceHash(PAGE_STYLE)}'`,
    ...(script === undefined ? [] : [`script-src '${sourceHash(script)}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  yield `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer">
<title>${htmlText(title)}</title><style>${PAGE_STYLE}</style></head><body>
<a class="skip" href="#${skipTo.id}">${htmlText(skipTo.text)}</a>
<main id="main">
${body}
</main>
`;
  for (const [id, pieces] of Object.entries(data)) {
    yield `<script type="application/json" id="${id}">`;
    yield* pieces;
    yield '</script>\n';
  }
  yield `${script === undefined ? '' : `<script>${script}</script>\n`}</body></html>\n`;
}

/** JSON that cannot end the element it stands in, whatever the model wrote. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/>/g, '\\u003e')
    .replace(/&/g, '\\u0026')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

function sourceHash(text: string): string {
  return `sha256-${Buffer.from(sha256(text), 'hex').toString('base64')}`;
}

/** A table; cells are markup already made safe, `numeric` names right-aligned columns. The first cell of a row is its header. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[] = [],
  caption?: string,
  /** On a narrow screen: `scroll` sideways, `fit` the width, or `stack`: each row becomes a small paragraph. */
  narrow: 'scroll' | 'fit' | 'stack' = 'scroll',
): string {
  const cls = (i: number): string => (numeric.includes(i) ? ' class="n"' : '');
  const cell = (text: string, i: number): string =>
    i === 0 ? `<th scope="row"${cls(i)}>${text}</th>` : `<td${cls(i)}>${text}</td>`;
  return `<div class="scroll${narrow === 'scroll' ? '' : ` ${narrow}`}"><table>${caption === undefined ? '' : `<caption>${caption}</caption>`}<thead><tr>${head
    .map((h, i) => (h === '' ? `<td${cls(i)}></td>` : `<th${cls(i)} scope="col">${h}</th>`))
    .join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
}

/** `bad`, `good` or `warn`: the colour of a verdict word. The word itself always stands beside it. */
export function tone(word: string): 'bad' | 'good' | 'warn' {
  if (['regressed', 'fail', 'none', 'failed'].includes(word)) return 'bad';
  if (['improved', 'unchanged', 'pass', 'verified', 'valid'].includes(word)) return 'good';
  return 'warn';
}

// The shell of a self-contained HTML page: no server, no network; only our own style and script, named by their hashes.

import { sha256 } from '../../base/index.ts';
import { type Content, Html, html, joinHtml, NOTHING } from './html.ts';
import { PAGE_STYLE } from './html-style.ts';

export interface PageExtras {
  /** Our own script; the policy lets exactly this text run and nothing else. */
  readonly script?: string;
  /** Data blocks by element id, for the script: `scriptJson`, a long one in pieces. They never run. */
  readonly data?: Readonly<Record<string, Iterable<Html>>>;
  /** Where the skip link leads; default the top of `main`. */
  readonly skipTo?: { readonly id: string; readonly text: string };
  /** What stands around the page where a server shows it. */
  readonly frame?: PageFrame | undefined;
  /** A page of the server: it may send forms to it, and listen to it. */
  readonly live?: boolean;
}

/** The navigation of the server above a page, and its style. */
export interface PageFrame {
  readonly header: Html;
  readonly style: string;
}

/** The content security policy of a page with this script and style. */
export function pagePolicy({ script, frame, live = false }: PageExtras): string {
  return [
    "default-src 'none'",
    `style-src '${sourceHash(styleOf(frame))}'`,
    ...(script === undefined ? [] : [`script-src '${sourceHash(script)}'`]),
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    `form-action '${live ? 'self' : 'none'}'`,
  ].join('; ');
}

function styleOf(frame: PageFrame | undefined): string {
  return `${PAGE_STYLE}${frame?.style ?? ''}`;
}

/** A whole page. Nothing is loaded, no form is sent, no foreign script or style counts. */
export function htmlPage(title: string, body: Html, extras: PageExtras = {}): string {
  return [...htmlPagePieces(title, body, extras)].join('');
}

/** The same page in pieces: with its data blocks a large one is best not held as a whole. */
export function* htmlPagePieces(title: string, body: Html, extras: PageExtras = {}): Iterable<string> {
  const { script, data = {}, frame, live = false } = extras;
  const { skipTo = { id: 'main', text: 'Skip to the content' } } = extras;
  // Without a referrer a browser names no origin beside a form, and the server would refuse it.
  const referrer = live ? 'same-origin' : 'no-referrer';
  yield `${html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${Html.ownMarkup(pagePolicy(extras))}"><meta name="referrer" content="${referrer}">
<title>${title}</title><style>${Html.ownMarkup(styleOf(frame))}</style></head><body>
<a class="skip" href="#${skipTo.id}">${skipTo.text}</a>
${frame === undefined ? NOTHING : html`${frame.header}\n`}<main id="main">
${body}
</main>
`}`;
  for (const [id, pieces] of Object.entries(data)) {
    yield `${html`<script type="application/json" id="${id}">`}`;
    for (const piece of pieces) yield String(piece);
    yield '</script>\n';
  }
  yield `${script === undefined ? '' : `<script>${script}</script>\n`}</body></html>\n`;
}

/** JSON that cannot end the element it stands in, whatever the model wrote. */
export function scriptJson(value: unknown): Html {
  const json = JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/>/g, '\\u003e')
    .replace(/&/g, '\\u0026')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
  return Html.ownMarkup(json);
}

function sourceHash(text: string): string {
  return `sha256-${Buffer.from(sha256(text), 'hex').toString('base64')}`;
}

export interface TableOptions {
  /** Columns aligned to the right. */
  readonly numeric?: readonly number[];
  readonly caption?: string;
  /** On a narrow screen: `scroll` sideways (default), `fit` the width, or `stack`: each row becomes a small paragraph. */
  readonly narrow?: 'scroll' | 'fit' | 'stack';
  /** Each cell names its column, for a style that shows the names where rows are stacked. */
  readonly labels?: boolean;
  /** Attributes of the table's body, each with a space before it. */
  readonly body?: Html;
}

/** A table. The first cell of a row is its header. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly Content[])[],
  { numeric = [], caption, narrow = 'scroll', labels = false, body = NOTHING }: TableOptions = {},
): Html {
  const cls = (i: number): Content => (numeric.includes(i) ? html` class="n"` : '');
  const cell = (content: Content, i: number): Html =>
    i === 0
      ? html`<th scope="row"${cls(i)}>${content}</th>`
      : html`<td${cls(i)}${labels ? html` data-label="${head[i] ?? ''}"` : NOTHING}>${content}</td>`;
  const title = (text: string, i: number): Html =>
    text === '' ? html`<td${cls(i)}></td>` : html`<th${cls(i)} scope="col">${text}</th>`;
  const lines = rows.map((row) => html`<tr>${row.map(cell)}</tr>`);
  return html`<div class="scroll${narrow === 'scroll' ? '' : ` ${narrow}`}"><table>${caption === undefined ? '' : html`<caption>${caption}</caption>`}<thead><tr>${head.map(title)}</tr></thead><tbody${body}>
${joinHtml(lines, '\n')}
</tbody></table></div>`;
}

/** `bad`, `good` or `warn`: the colour of a verdict word. The word itself always stands beside it. */
export function tone(word: string): 'bad' | 'good' | 'warn' {
  if (['regressed', 'fail', 'none', 'failed'].includes(word)) return 'bad';
  if (['improved', 'unchanged', 'pass', 'verified', 'valid'].includes(word)) return 'good';
  return 'warn';
}

// The shell of a self-contained HTML page: no server, no network, no script that is not needed.

import { htmlText } from './escape.ts';

const CSS = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c1e21;--dim:#5f6670;--line:#d9dde2;--card:#f6f7f9;--bad:#b3261e;--good:#1b6e3c;--warn:#8a5a00;--accent:#2856a3}
@media (prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e6e8eb;--dim:#9aa2ad;--line:#343a42;--card:#1e2126;--bad:#ff8a80;--good:#7bd79b;--warn:#f0c060;--accent:#8ab4f8}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:24px 20px 64px;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:24px;line-height:1.3;margin:0 0 8px}h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid var(--line);padding-bottom:4px}
.verdict{display:inline-block;font-weight:700;padding:2px 10px;border-radius:6px;border:1px solid currentColor;margin-right:8px}
.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}.dim{color:var(--dim)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:8px 0}th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}@media (max-width:720px){.pair{grid-template-columns:1fr}}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.45 ui-monospace,monospace;max-height:420px;overflow:auto}
details{margin:6px 0}summary{cursor:pointer}summary:focus-visible,a:focus-visible{outline:2px solid var(--accent)}
.banner{background:var(--card);border-left:4px solid var(--warn);padding:8px 12px;margin:12px 0}
svg{max-width:100%;height:auto}svg text{fill:var(--dim);font:12px system-ui,sans-serif}
@media print{details{open:true}pre{max-height:none}}
`;

/** A whole page. `body` is markup already made safe. The policy forbids every load and every script. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${htmlText(title)}</title><style>${CSS}</style></head><body>
<main>
${body}
</main></body></html>
`;
}

/** A table; cells are markup already made safe, `numeric` names right-aligned columns. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[] = [],
): string {
  const cls = (i: number): string => (numeric.includes(i) ? ' class="n"' : '');
  return `<div class="scroll"><table><thead><tr>${head.map((h, i) => `<th${cls(i)} scope="col">${h}</th>`).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map((cell, i) => `<td${cls(i)}>${cell}</td>`).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
}

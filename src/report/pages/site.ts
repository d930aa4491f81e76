// What the pages of the server share: navigation, style, the script that keeps them live, and small parts.

import { shortHash } from '../../base/index.ts';
import { when } from '../../base/numbers.ts';
import { type Content, type Html, html, NOTHING } from '../html/html.ts';
import { htmlPage, type PageFrame, pagePolicy } from '../html/html-page.ts';
import { TABLE_SCRIPT } from '../html/html-script.ts';
import { LIVE_SCRIPT } from './live-script.ts';

/** Who looks at a page, and what they may do. */
export interface Viewer {
  /** Name of the token; null where the server needs none. */
  readonly token: string | null;
  /** May stop agents and answer approvals. */
  readonly operates: boolean;
  /** A fresh token for the forms of this page; null = the page has no forms. */
  readonly csrf: string | null;
  /** The name that was last given for a decision. */
  readonly by: string;
  readonly environment: string;
}

const SITE_STYLE = `
.site{border-bottom:1px solid var(--line);background:var(--card)}.site>div{margin:0 auto;max-width:1120px;padding:6px 20px;display:flex;flex-wrap:wrap;gap:2px 18px;align-items:center}
.site nav{margin:0;display:flex;flex-wrap:wrap;gap:0 16px;flex:1 1 auto}.site a{margin:0;padding:6px 0;text-decoration:none}.site a:hover{text-decoration:underline}.site a[aria-current]{color:var(--fg);font-weight:600;box-shadow:inset 0 -2px var(--accent)}
main nav a[aria-current]{font-weight:600;text-decoration:none;color:var(--fg)}.site .who{font-size:13px;color:var(--dim)}
.act{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:end}.act label{display:flex;flex-direction:column;font-size:13px;color:var(--dim);flex:1 1 150px;min-width:0}.act label.why{flex:3 1 240px}
.act input,.act select,.act textarea{width:100%}textarea{font:inherit;color:var(--fg);background:var(--bg);border:1px solid var(--line);border-radius:5px;padding:4px 8px}.act fieldset{flex:1 1 100%;display:flex;flex-wrap:wrap;gap:8px 12px;border:1px solid var(--line);border-radius:6px;padding:6px 10px 10px;margin:0;min-width:0}.act legend{font-size:13px;color:var(--dim)}
select,input,textarea{border-color:var(--dim)}h2.flag{font-size:15px;border:0;margin:4px 0;padding:0}
.ladder{display:flex;flex-wrap:wrap;gap:8px;list-style:none;padding:0;margin:8px 0}.ladder li{flex:1 1 140px;border:1px solid var(--line);border-radius:8px;padding:6px 12px}.ladder .done{background:var(--card)}.ladder .here{border:2px solid var(--accent)}.ladder strong{font-size:18px}progress{width:100%;max-width:180px;accent-color:var(--accent)}
button.stop{border-color:var(--bad);color:var(--bad);font-weight:600}button.go{border-color:var(--good);color:var(--good);font-weight:600}
.state{display:inline-block;font-weight:700;border:1px solid currentColor;border-radius:5px;padding:0 7px;font-size:13px;white-space:nowrap}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:14px}.plots figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:8px 12px}.plots svg{width:100%}
th .small{font-weight:400}.act fieldset{align-items:end}.wrap{overflow-wrap:anywhere}time{white-space:nowrap}td>p:first-child{margin-top:0}.card p{margin:4px 0}.card h3{margin-top:4px}
@media (max-width:760px){.site>div{padding:4px 12px}.scroll.stack th[scope=row]{display:block}.scroll.stack td[data-label],.scroll.stack td[data-label]:last-child{display:block;text-align:left;white-space:normal}.scroll.stack td[data-label]::before{content:attr(data-label) ': ';color:var(--dim);font-size:13px}.scroll.stack td[data-label]:has(input){display:inline-block;min-width:72px}.scroll.stack td:empty{display:none}.scroll.stack td.n[data-label],.scroll.stack td.n[data-label]:last-child{display:inline-block;margin-right:6px}.act label.why{flex-basis:100%}.act button{min-height:40px}.site a{padding:8px 0}}
@media print{.site,.act{display:none}}
`;

const PLACES = [
  ['/', 'Overview'],
  ['/rollouts', 'Rollouts'],
  ['/flags', 'Flags'],
  ['/guard', 'Guard'],
  ['/registry', 'Registry'],
  ['/snapshots', 'Snapshots'],
  ['/compare', 'Compare'],
] as const;

/** Navigation above a page; `here` is the place it belongs to. */
export function siteFrame(viewer: Viewer | null, here: string): PageFrame {
  const links = PLACES.map(
    ([path, name]) =>
      html`<a href="${path}"${path === here ? html` aria-current="page"` : NOTHING}>${name}</a>`,
  );
  const session =
    viewer === null
      ? NOTHING
      : viewer.token === null
        ? html`<span class="who">${viewer.environment}</span>`
        : html`<span class="who">${viewer.environment} · <span class="wrap">${viewer.token}</span> · <a href="/sign-in">Sign out</a></span>`;
  return {
    header: html`<header class="site"><div><nav aria-label="Pages">${viewer === null ? NOTHING : links}</nav>${session}</div></header>`,
    style: SITE_STYLE,
  };
}

/** The policy of every page that `sitePage` makes. */
export const SITE_POLICY = pagePolicy({ script: LIVE_SCRIPT, frame: siteFrame(null, ''), live: true });
/** The policy of snapshots and comparisons inside the site. */
export const REPORT_POLICY = pagePolicy({ script: TABLE_SCRIPT, frame: siteFrame(null, '') });

/**
 * A page of the server. With `stamp` it follows the stream of changes: what is inside is loaded again when another stamp arrives.
 */
export function sitePage(page: {
  readonly viewer: Viewer | null;
  readonly here: string;
  readonly title: string;
  readonly body: Html;
  readonly stamp?: string;
}): string {
  const { viewer, here, title, body, stamp } = page;
  const live =
    stamp === undefined
      ? body
      : html`<p id="news" class="banner" role="status" hidden>Something changed. <button type="button" id="reload">Show it</button> Text that you have typed is lost.</p>
<div id="live" data-stamp="${stamp}">
${body}
</div>`;
  return htmlPage(`${title} · lastgood`, live, {
    script: LIVE_SCRIPT,
    frame: siteFrame(viewer, here),
    live: true,
  });
}

/** Something that went wrong, as a page. */
export function messagePage(viewer: Viewer | null, title: string, text: string, hint?: string): string {
  const more = hint === undefined ? NOTHING : html`<p class="dim">${hint}</p>`;
  const back = html`<p><a href="/">Overview</a></p>`;
  return sitePage({
    viewer,
    here: '',
    title,
    body: html`<h1>${title}</h1><p role="alert">${text}</p>${more}${viewer === null ? NOTHING : back}`,
  });
}

/** A point in time, exact for machines. */
export function timeMarkup(iso: string): Html {
  return html`<time datetime="${iso}">${when(iso)}</time>`;
}

/** A release by name and fingerprint. */
export function releaseMarkup(r: { readonly release: string; readonly fingerprint: string }): Html {
  return html`<span class="wrap">${r.release}</span> <code title="${r.fingerprint}">${shortHash(r.fingerprint)}</code>`;
}

/** A snapshot with a link to its page. */
export function snapshotLink(id: string): Html {
  return html`<a href="/snapshots/${encodeURIComponent(id)}"><code>${id}</code></a>`;
}

export function featureLink(feature: string): Html {
  return html`<a href="/features/${encodeURIComponent(feature)}">${feature}</a>`;
}

/** A list, or one sentence where it is empty. */
export function listOr(items: readonly Content[], empty: string): Html {
  return items.length === 0
    ? html`<p class="dim">${empty}</p>`
    : html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

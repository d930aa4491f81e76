// The list of snapshots, and the form to compare two of them.

import { count, percent, usd } from '../../base/numbers.ts';
import type { SnapshotSummary } from '../../core/index.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { htmlTable, tone } from '../html/html-page.ts';
import { releaseMarkup, sitePage, snapshotLink, timeMarkup, type Viewer } from './site.ts';

export interface SnapshotList {
  /** Newest first. */
  readonly snapshots: readonly SnapshotSummary[];
  /** There are older ones. */
  readonly more: boolean;
  /** Every suite of the ledger. */
  readonly suites: readonly string[];
  /** Only of this one; null = of all. */
  readonly suite: string | null;
  /** Also verification, comparison and confirmation runs. */
  readonly all: boolean;
  /** Snapshots that are the baseline of their suite now. */
  readonly baselines: ReadonlySet<string>;
}

export function snapshotsPage(list: SnapshotList, viewer: Viewer): string {
  const { snapshots, more } = list;
  const body = htmlLines([
    html`<h1>Snapshots</h1>`,
    filter(list),
    snapshots.length === 0
      ? html`<p class="dim">No snapshot fits. Make one: <code>lastgood run SUITE --release FILE</code></p>`
      : html`<form method="get" action="/compare">
<p><button>Compare the two chosen</button> <span class="dim small">Choose one as baseline and one as candidate.</span></p>
${table(list)}
</form>`,
    more
      ? html`<p class="dim small">Older ones are not shown. <code>lastgood list --limit N</code> lists them.</p>`
      : NOTHING,
    html`<p class="dim small"><a href="/api/snapshots${queryOf(list)}">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/snapshots', title: 'Snapshots', body });
}

function queryOf({ suite, all }: SnapshotList): string {
  const parts = [
    ...(suite === null ? [] : [`suite=${encodeURIComponent(suite)}`]),
    ...(all ? ['all=1'] : []),
  ];
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function filter({ suites, suite, all }: SnapshotList): Html {
  const option = (name: string): Html =>
    html`<option value="${name}"${name === suite ? html` selected` : NOTHING}>${name}</option>`;
  return html`<form class="filters" method="get" action="/snapshots"><label for="suite">Suite<select id="suite" name="suite"><option value="">all suites</option>${suites.map(option)}</select></label>
<label for="all">Runs<select id="all" name="all"><option value="">runs</option><option value="1"${all ? html` selected` : NOTHING}>all, also verifications</option></select></label>
<button>Show</button></form>`;
}

function table({ snapshots, baselines }: SnapshotList): Html {
  return htmlTable(
    ['snapshot', 'A', 'B', 'suite', 'release', 'pass rate', 'answered', 'cost', 'state'],
    snapshots.map((s) => {
      const state = s.state === 'finished' ? s.validity : s.state;
      return [
        html`${snapshotLink(s.id)}<br><span class="small dim">${timeMarkup(s.startedAt)}</span>`,
        html`<input type="radio" name="a" value="${s.id}" aria-label="baseline ${s.id}" required>`,
        html`<input type="radio" name="b" value="${s.id}" aria-label="candidate ${s.id}" required>`,
        html`<span class="wrap">${s.suite}</span>`,
        releaseMarkup(s),
        html`${percent(s.passRate)}<br><span class="small dim">${count(s.gradedCases ?? s.cases, 'case')}</span>`,
        html`${s.answered}/${s.plannedTrials}`,
        s.costUsd === null ? 'not known' : usd(s.costUsd),
        html`<span class="${tone(state)}">${state}</span>${baselines.has(s.id) ? html` <span class="tag">baseline</span>` : NOTHING}${s.simulated ? html` <span class="tag">simulated</span>` : NOTHING}${s.imported === true ? html` <span class="tag">imported</span>` : NOTHING}${s.purpose === 'run' ? NOTHING : html` <span class="tag">${s.purpose}</span>`}`,
      ];
    }),
    { numeric: [5, 6, 7], narrow: 'stack', labels: true, caption: 'Newest first. A: baseline, B: candidate' },
  );
}

/** Where no two snapshots are named yet. `said`: why the ones that were named cannot be compared. */
export function compareFormPage(
  form: {
    readonly a: string;
    readonly b: string;
    readonly suite: string | null;
    readonly suites: readonly string[];
    readonly recent: readonly SnapshotSummary[];
  },
  viewer: Viewer,
): string {
  const { a, b, suite, suites, recent } = form;
  const known = recent.map((s) => html`<option value="${s.id}">${s.suite}, ${s.release}</option>`);
  const option = (name: string): Html =>
    html`<option value="${name}"${name === suite ? html` selected` : NOTHING}>${name}</option>`;
  const body = html`<h1>Compare two snapshots</h1>
<form class="act" method="get" action="/compare"><label for="suite">Suite<select id="suite" name="suite"><option value="">of the baseline</option>${suites.map(option)}</select></label>
<label for="a">Baseline<input id="a" name="a" list="known" value="${a}" required maxlength="200" autocomplete="off"></label>
<label for="b">Candidate<input id="b" name="b" list="known" value="${b}" required maxlength="200" autocomplete="off"></label>
<button>Compare</button><datalist id="known"><option value="baseline"></option><option value="latest"></option>${known}</datalist></form>
<p class="dim small">An id or its first letters, <code>baseline</code>, <code>latest</code>, <code>latest~2</code> or <code>@2026-03-15</code>. Or choose two from the <a href="/snapshots">list</a>.</p>`;
  return sitePage({ viewer, here: '/compare', title: 'Compare', body });
}

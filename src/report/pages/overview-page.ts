// The overview: each feature with its state, its releases, and what is open.

import { percent } from '../../base/numbers.ts';
import type {
  FeatureOverview,
  FeatureState,
  OpenEpisode,
  Overview,
  SuiteOverview,
} from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { summaryCards } from '../html/html-cards.ts';
import { htmlTable } from '../html/html-page.ts';
import { rolloutLink, statusMarkup } from './rollouts-page.ts';
import { featureLink, releaseMarkup, sitePage, snapshotLink, timeMarkup, type Viewer } from './site.ts';

const TONES: Readonly<Record<FeatureState, string>> = {
  stopped: 'bad',
  alert: 'bad',
  unproven: 'warn',
  steady: 'good',
};

/** What an open episode is about. */
export const EPISODES: Readonly<Record<OpenEpisode['kind'], string>> = {
  monitor: 'drift',
  nightly: 'regression',
  rollout: 'rollout stopped',
};

/** Most urgent first. */
const ORDER: readonly FeatureState[] = ['stopped', 'alert', 'unproven', 'steady'];

export function stateMarkup(state: FeatureState): Html {
  return html`<span class="state ${TONES[state]}">${state}</span>`;
}

export function overviewPage(o: Overview, viewer: Viewer, stamp: string): string {
  const { features, suites } = o;
  const urgent = [...features].sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.feature < b.feature ? -1 : 1),
  );
  const body = htmlLines([
    html`<h1>Features in ${o.environment}</h1>`,
    features.length === 0 ? NOTHING : cards(o),
    features.length === 0
      ? html`<p>No feature is known here yet. Send observations, or point a feature to a release: <code>lastgood registry set FEATURE RELEASE --why TEXT</code></p>`
      : htmlTable(
          ['feature', 'state', 'release in force', 'last good', 'open'],
          urgent.map((f) => [
            featureLink(f.feature),
            html`${stateMarkup(f.state)} <span class="small wrap">${f.reason}</span>`,
            inForce(f),
            lastGood(f),
            open(f),
          ]),
          { narrow: 'stack', labels: true },
        ),
    suites.length === 0 ? NOTHING : suitesSection(suites),
    html`<p class="dim small">As of ${timeMarkup(o.at)} UTC. <a href="/api/overview">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/', title: 'Overview', body, stamp });
}

function cards({ features, suites }: Overview): Html {
  const of = (state: FeatureState): number => features.filter((f) => f.state === state).length;
  const episodes = [...features, ...suites].reduce((sum, f) => sum + f.episodes.length, 0);
  const pending = features.reduce((sum, f) => sum + f.pendingApprovals, 0);
  const shown = (
    name: string,
    n: number,
    tone: 'bad' | 'warn',
  ): Parameters<typeof summaryCards>[0][number] => ({
    name,
    value: String(n),
    tone: n === 0 ? undefined : tone,
  });
  return summaryCards([
    { name: 'features', value: String(features.length) },
    shown('stopped', of('stopped'), 'bad'),
    shown('open episodes', episodes, 'bad'),
    shown('approvals waiting', pending, 'warn'),
  ]);
}

/** The newest rollout, while it is under way or where it was stopped. */
export function rolloutNote({ feature, rollout }: FeatureOverview): Html {
  if (rollout === null || rollout.status === 'promoted' || rollout.status === 'aborted') return NOTHING;
  const { status, percent: share, stage, stages } = rollout;
  return html`${rolloutLink(feature, 'rollout')} ${statusMarkup(status)} <span class="small">at ${share}%, stage ${stage + 1} of ${stages}</span>`;
}

function inForce(f: FeatureOverview): Html {
  const { current, candidate, quality } = f;
  const shipped = rolloutNote(f);
  const rollout = shipped === NOTHING ? NOTHING : html`<br>${shipped}`;
  if (current === null) return html`<span class="dim">none</span>${rollout}`;
  const rate =
    quality === null ? 'never measured' : `${percent(quality.passRate)} passed`.replace(' ', '\u00a0');
  const next =
    candidate === null ? NOTHING : html`<br><span class="small">candidate ${releaseMarkup(candidate)}</span>`;
  return html`${releaseMarkup(current)}<br><span class="small dim">since ${timeMarkup(current.at)}, ${rate}</span>${next}${rollout}`;
}

function lastGood({ current, lastGood: good }: FeatureOverview): Html {
  if (good === null) return html`<span class="warn">none known</span>`;
  const same = good.fingerprint === current?.fingerprint;
  return html`${same ? html`the release in force` : releaseMarkup(good)}<br><span class="small dim">${percent(good.passRate)} passed on ${timeMarkup(good.at)}, ${snapshotLink(good.snapshot)}</span>`;
}

function open({ episodes, stops, pendingApprovals }: FeatureOverview): Html {
  const parts = [
    ...episodes.map(
      (e) =>
        html`<li><span class="bad">${EPISODES[e.kind]}</span> <span class="wrap">${e.of}</span> since ${timeMarkup(e.openedAt)}</li>`,
    ),
    ...stops.map(
      (s) =>
        html`<li><a href="/guard">${s.agent === null ? 'stopped' : html`agent <span class="wrap">${s.agent}</span> stopped`}</a>${s.feature === EVERY_FEATURE ? ' (every feature)' : ''} by <span class="wrap">${s.by}</span></li>`,
    ),
    ...(pendingApprovals === 0
      ? []
      : [html`<li><a href="/guard#approvals">${pendingApprovals} waiting for approval</a></li>`]),
  ];
  return parts.length === 0
    ? html`<span class="dim">nothing</span>`
    : html`<ul class="grades small">${parts}</ul>`;
}

function suitesSection(suites: readonly SuiteOverview[]): Html {
  const run = (at: SuiteOverview['lastValid'], none: string): Html =>
    at === null
      ? html`<span class="dim">${none}</span>`
      : html`${snapshotLink(at.snapshot)} <span class="small dim">${timeMarkup(at.at)}</span>`;
  const table = htmlTable(
    ['suite', 'last valid run', 'baseline', 'open episodes'],
    suites.map((s) => [
      html`<a href="/snapshots?suite=${encodeURIComponent(s.suite)}">${s.suite}</a>`,
      run(s.lastValid, 'none'),
      run(s.baseline, 'none blessed'),
      s.episodes.length === 0
        ? html`<span class="dim">none</span>`
        : html`<span class="bad">${s.episodes.length}</span> <span class="small wrap">${s.episodes[0]?.reason ?? ''}</span>`,
    ]),
    { narrow: 'stack', labels: true },
  );
  return html`<h2>Suites of no feature's release in force</h2>${table}`;
}

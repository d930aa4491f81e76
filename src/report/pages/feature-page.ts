// One feature: its state, its signals over time beside the time before, and what was changed or happened meanwhile.

import { grouped, percent, when } from '../../base/numbers.ts';
import type { FeatureEvent, FeatureView } from '../../core/index.ts';
import type { SignalReport, SignalValue } from '../../core/signals.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { summaryCards } from '../html/html-cards.ts';
import { htmlTable } from '../html/html-page.ts';
import { itemDetail } from '../html/timeline-html.ts';
import { signalValueText } from '../parts/signal-words.ts';
import { EPISODES, rolloutNote, stateMarkup } from './overview-page.ts';
import { changeText } from './registry-page.ts';
import { signalPlot } from './signal-plot.ts';
import { listOr, releaseMarkup, sitePage, snapshotLink, timeMarkup, type Viewer } from './site.ts';

/** Rows of the list of changes. */
const MOST_ROWS = 200;
const FEATURE_TIMES = ['24h', '48h', '7d', '30d'] as const;

export function featurePage(
  view: FeatureView,
  viewer: Viewer,
  more: { readonly since: string; readonly stamp: string },
): string {
  const { overview: o, signals } = view;
  const path = `/features/${encodeURIComponent(o.feature)}`;
  const times = FEATURE_TIMES.map(
    (t) =>
      html`<a href="${path}?since=${t}"${t === more.since ? html` aria-current="true"` : NOTHING}>${t}</a>`,
  );
  // In an incident the order of moves is looked for first.
  const hasMoved = (view.timeline?.order.length ?? 0) > 0;
  const body = htmlLines([
    html`<h1><span class="wrap">${o.feature}</span> ${stateMarkup(o.state)}</h1>`,
    html`<p class="wrap">${o.reason}</p>`,
    cards(view),
    problems(view),
    html`<nav aria-label="Time">Last ${times}</nav>`,
    hasMoved ? movedSection(view.timeline) : NOTHING,
    html`<h2 id="signals">Signals</h2>`,
    signals === null
      ? html`<p class="dim">No observations of this feature.</p>`
      : signalsSection(view, signals),
    hasMoved ? NOTHING : movedSection(view.timeline),
    html`<h2 id="changes">What was changed, and what happened</h2>`,
    changesSection(view),
    html`<p class="dim small">As of ${timeMarkup(view.at)} UTC. <a href="/flags?feature=${encodeURIComponent(o.feature)}">Flags</a> · <a href="/api${path}?since=${more.since}">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/', title: o.feature, body, stamp: more.stamp });
}

function cards({ overview: o, signals }: FeatureView): Html {
  const { current, lastGood, quality } = o;
  const seen = signals?.groups[0]?.observations ?? 0;
  return summaryCards([
    {
      name: 'release in force',
      value: current?.release ?? 'none',
      detail: current === null ? undefined : `${current.fingerprint.slice(0, 12)}, since ${when(current.at)}`,
    },
    {
      name: 'last measured',
      value: quality === null ? 'never' : percent(quality.passRate),
      detail: quality === null ? undefined : `on ${when(quality.at)}`,
    },
    {
      name: 'last good',
      value: lastGood === null ? 'none known' : lastGood.release,
      tone: lastGood === null ? 'warn' : undefined,
      detail: lastGood === null ? undefined : `${percent(lastGood.passRate)} on ${when(lastGood.at)}`,
    },
    { name: 'observations', value: grouped(seen) },
  ]);
}

function problems({ overview: o }: FeatureView): Html {
  const shipped = rolloutNote(o);
  const lines = [
    ...o.episodes.map(
      (e) =>
        html`<span class="bad">${EPISODES[e.kind]}</span> of <span class="wrap">${e.of}</span> since ${timeMarkup(e.openedAt)}: <span class="wrap">${e.reason}</span>`,
    ),
    ...o.stops.map(
      (s) =>
        html`<a href="/guard">Stopped</a>${s.agent === null ? '' : html`: the agent <span class="wrap">${s.agent}</span>`} since ${timeMarkup(s.at)} by <span class="wrap">${s.by}: ${s.why}</span>`,
    ),
    ...(o.pendingApprovals === 0
      ? []
      : [html`<a href="/guard#approvals">${o.pendingApprovals} waiting for approval</a>`]),
    ...(o.candidate === null ? [] : [html`Candidate: ${releaseMarkup(o.candidate)}`]),
    ...(o.lastGood === null || o.lastGood.fingerprint === o.current?.fingerprint
      ? []
      : [html`Last good: ${releaseMarkup(o.lastGood)}, ${snapshotLink(o.lastGood.snapshot)}`]),
  ];
  const all = shipped === NOTHING ? lines : [shipped, ...lines];
  return all.length === 0 ? NOTHING : listOr(all, '');
}

function signalsSection(view: FeatureView, signals: SignalReport): Html {
  const [all] = signals.groups;
  if (all === undefined || all.observations === 0)
    return html`<p class="dim">No observations in this time.</p>`;
  const known = all.signals.filter((s) => s.value !== null);
  const marks = [...view.changes.map((c) => c.at), ...view.events.map((e) => e.at)].map((at) =>
    Date.parse(at),
  );
  const from = Date.parse(signals.from);
  const to = Date.parse(signals.to);
  const plots = known
    .map((s) => {
      const points = signals.windows.map((w) => ({
        at: Math.min(to, Math.max(from, Date.parse(w.start) + signals.windowMs / 2)),
        value: w.values[s.signal] ?? null,
      }));
      const note = `${s.lagging ? '(lags) ' : ''}${s.partial ? 'at least ' : ''}${s.value === null ? '' : signalValueText(s.unit, s.value)}`;
      const shown = points.filter((p) => p.value !== null).length;
      const text = (value: number): string => signalValueText(s.unit, value);
      return shown < 2 ? NOTHING : signalPlot({ name: s.signal, points, marks, from, to, text, note });
    })
    .filter((plot) => plot !== NOTHING);
  return htmlLines([
    html`<p class="dim small">${when(signals.from)} to ${when(signals.to)} UTC, one point ${signals.windowMs < 86_400_000 ? 'an hour' : 'a day'}. Dashed lines: the changes and events below.</p>`,
    html`<div class="plots">${plots}</div>`,
    htmlTable(
      ['signal', 'now', 'before', 'of'],
      known.map((s) => {
        const then = all.before?.find((b) => b.signal === s.signal);
        return [
          s.signal,
          html`${s.partial ? '≥ ' : ''}${s.value === null ? 'not known' : signalValueText(s.unit, s.value)}`,
          then === undefined || then.value === null ? 'not known' : signalValueText(then.unit, then.value),
          ofText(s),
        ];
      }),
      {
        numeric: [1, 2],
        narrow: 'fit',
        caption: `Before: ${when(signals.beforeFrom)} to ${when(signals.from)} UTC. No test says whether a difference is chance.`,
      },
    ),
  ]);
}

function ofText({ n, of }: SignalValue): string {
  return `${grouped(n)} ${of}`;
}

/** Why nothing can be said of a signal. */
const UNJUDGED = {
  history: 'because 14 days of answers before this time are needed',
  'few-answers': 'because there are too few answers',
  'other-base': 'because the application began to send it otherwise',
} as const;

/** The order in which signals left their usual levels. */
function movedSection(t: FeatureView['timeline']): Html {
  if (t === null) return NOTHING;
  const head = html`<h2 id="moved">What moved first</h2>`;
  const judged = t.judged.length === 0 ? 'No signal could be judged' : 'No signal left its usual level';
  const names = (why: keyof typeof UNJUDGED): string =>
    t.unjudged
      .filter((u) => u.why === why)
      .map((u) => u.signal)
      .join(', ');
  const unjudged = (Object.keys(UNJUDGED) as (keyof typeof UNJUDGED)[])
    .filter((why) => names(why) !== '')
    .map((why) => html`<p class="warn small">Not judged, ${UNJUDGED[why]}: ${names(why)}.</p>`);
  if (t.order.length === 0) return html`${head}<p class="dim">${judged}.</p>${unjudged}`;
  const steps = t.order.map(
    (o) =>
      html`<li>${timeMarkup(o.at)} <strong>${o.signal}</strong>${o.uncertain ? ' (may have moved before the one above)' : ''}</li>`,
  );
  const before = t.before.flatMap((i) => t.items[i] ?? []);
  const causes =
    before.length === 0
      ? html`<p>Nothing is on record within a day before the first move.</p>`
      : html`<p>Before the first move, or about then:</p><ul>${before.map((b) => html`<li>${timeMarkup(b.at)} <span class="tag">${b.source}</span> ${b.kind} <span class="wrap">${itemDetail(b)}</span></li>`)}</ul>`;
  return html`${head}<ol>${steps}</ol>${causes}<p class="dim small">The order in time does not prove a cause.</p>${unjudged}`;
}

function changesSection({ changes, events, timeline }: FeatureView): Html {
  // Changes and events are listed with who and why; the timeline adds what was seen.
  const seen = (timeline?.items ?? []).filter((i) => i.source !== 'shipping' && i.source !== 'event');
  const rows = [
    ...changes.map((c) => ({
      at: c.at,
      what: html`<span class="wrap">${changeText(c)}</span>${c.feature === '*' ? html` <span class="tag">every feature</span>` : NOTHING}`,
      said: html`${c.by}: ${c.why}`,
    })),
    ...events.map((e) => ({
      at: e.at,
      what: html`<span class="tag">${e.kind}</span> <span class="wrap">${e.text}</span>`,
      said: html`${refText(e)}`,
    })),
    ...seen.map((i) => ({
      at: i.at,
      what: html`<span class="tag">${i.source}</span> <span class="wrap">${i.kind}</span>`,
      said: itemDetail(i),
    })),
  ].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  if (rows.length === 0) return html`<p class="dim">Nothing in this time.</p>`;
  const table = htmlTable(
    ['time (UTC)', 'what', 'who and why'],
    rows
      .slice(0, MOST_ROWS)
      .map(({ at, what, said }) => [timeMarkup(at), what, html`<span class="wrap">${said}</span>`]),
    { narrow: 'stack', labels: true },
  );
  const left = rows.length - MOST_ROWS;
  return left <= 0 ? table : html`${table}<p class="dim small">${left} earlier ones are not shown.</p>`;
}

/** A reference is text, never a link: whoever wrote it may have written any address. */
function refText({ ref }: FeatureEvent): string {
  return ref ?? '';
}

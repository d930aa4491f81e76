// The guard: stop and start, approvals that wait for a person, and the log of decisions.

import { count, when } from '../../base/numbers.ts';
import type { Approval, GuardDecision, GuardOverview, GuardStop } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { type Html, html, htmlLines, NOTHING } from '../html/html.ts';
import { htmlTable } from '../html/html-page.ts';
import {
  hiddenFields,
  mayAct,
  NO_DEFAULT,
  readOnlyNote,
  type SaidHere,
  saidBanner,
  signature,
} from './forms.ts';
import { sitePage, timeMarkup, type Viewer } from './site.ts';

/** `said`: what the action before did, or why it was refused. */
export function guardPage(
  g: GuardOverview,
  viewer: Viewer,
  more: { readonly stamp: string; readonly said: SaidHere | null },
): string {
  const acts = mayAct(viewer);
  const body = htmlLines([
    html`<h1>Guard of agents in ${g.environment}</h1>`,
    saidBanner(more.said),
    readOnlyNote(viewer, 'Stops and approvals'),
    html`<h2 id="stops">Stops in force</h2>`,
    g.stops.length === 0
      ? html`<p><span class="state good">running</span> Nothing is stopped.</p>`
      : htmlLines(g.stops.map((stop, i) => stopCard(stop, i, acts ? viewer : null))),
    acts ? stopForm(g, viewer) : NOTHING,
    html`<h2 id="approvals">Waiting for a person (${g.pending.length})</h2>`,
    g.pending.length === 0
      ? html`<p class="dim">No approval is waiting.</p>`
      : htmlLines(g.pending.map((a) => approvalCard(a, acts ? viewer : null))),
    g.answered.length === 0
      ? NOTHING
      : html`<details id="answered"><summary>${count(g.answered.length, 'earlier approval')}</summary>${answeredTable(g.answered)}</details>`,
    html`<h2 id="log">Log</h2>`,
    g.decisions.length === 0
      ? html`<p class="dim">The log of the guard is empty.</p>`
      : logTable(g.decisions),
    html`<p class="dim small">As of ${timeMarkup(g.at)} UTC. <a href="/api/guard">JSON</a></p>`,
  ]);
  return sitePage({ viewer, here: '/guard', title: 'Guard', body, stamp: more.stamp });
}

function whom(feature: string, agent: string | null): Html {
  const what = feature === EVERY_FEATURE ? html`every feature` : html`<span class="wrap">${feature}</span>`;
  return agent === null ? what : html`the agent <span class="wrap">${agent}</span> of ${what}`;
}

function stopCard(stop: GuardStop, i: number, viewer: Viewer | null): Html {
  const id = `start-${i}`;
  const form =
    viewer === null
      ? NOTHING
      : html`<form class="act" method="post" action="/guard/start">${hiddenFields(viewer, { feature: stop.feature, agent: stop.agent ?? '' })}
${signature(viewer, id)}
<button class="go" id="${id}">Start again</button></form>`;
  return html`<section class="card"><p><span class="state bad">stopped</span> ${whom(stop.feature, stop.agent)}, since ${timeMarkup(stop.at)} UTC by <span class="wrap">${stop.by}</span>: <span class="wrap">${stop.why}</span></p>${form}</section>`;
}

function stopForm({ features }: GuardOverview, viewer: Viewer): Html {
  const options = features.map((f) => html`<option value="${f}">${f}</option>`);
  return html`<section class="card"><h3>Stop agents</h3>
<form class="act" method="post" action="/guard/stop">${hiddenFields(viewer, {})}<label for="stop-feature">Feature<select id="stop-feature" name="feature" required><option value="">choose</option>${options}<option value="${EVERY_FEATURE}">every feature</option></select></label>
<label for="stop-agent">Agent (empty = all)<input id="stop-agent" name="agent" maxlength="100" autocomplete="off"></label>
${signature(viewer, 'stop')}
<button class="stop" id="stop">Stop now</button></form></section>`;
}

function approvalCard(a: Approval, viewer: Viewer | null): Html {
  const impact = a.impact === null ? 'impact not given' : `impact ${a.impact}`;
  const limit = a.above === null ? '' : ` (above ${a.above})`;
  const agent = a.agent === null ? NOTHING : html`, agent <span class="wrap">${a.agent}</span>`;
  const form =
    viewer === null
      ? NOTHING
      : html`<form class="act" method="post" action="/guard/answer">${NO_DEFAULT}${hiddenFields(viewer, { id: a.id })}
${signature(viewer, a.id)}
<button class="go" id="grant-${a.id}" name="answer" value="grant">Grant</button><button class="stop" id="deny-${a.id}" name="answer" value="deny">Deny</button></form>`;
  return html`<section class="card"><h3 class="wrap">${a.feature}: ${a.action} <code>${a.key}</code></h3><p>${impact}${limit}${agent}, asked ${timeMarkup(timeOf(a.at))} UTC <span class="dim small">${a.id}</span></p>${form}</section>`;
}

function answeredTable(approvals: readonly Approval[]): Html {
  return htmlTable(
    ['approval', 'state', 'action', 'answer'],
    approvals.map((a) => [
      html`<code>${a.id}</code>`,
      a.state,
      html`<span class="wrap">${a.feature}: ${a.action} ${a.key}</span>${a.impact === null ? '' : ` (${a.impact})`}`,
      a.answer === null
        ? html`<span class="dim">expired without an answer</span>`
        : html`<span class="wrap">${a.answer.by}: ${a.answer.why}</span>`,
    ]),
    { narrow: 'stack', labels: true },
  );
}

function logTable(decisions: readonly GuardDecision[]): Html {
  return htmlTable(
    ['time (UTC)', 'outcome', 'action', 'agent', 'why'],
    decisions.map((d) => [
      html`<time datetime="${timeOf(d.at)}">${when(timeOf(d.at))}</time>`,
      html`<span class="${toneOf(d)}">${outcomeText(d)}</span>`,
      html`<span class="wrap">${d.feature}: ${d.action} ${d.key}</span>${d.impact === null ? '' : ` (impact ${d.impact})`}`,
      html`<span class="wrap">${d.agent ?? ''}</span>`,
      html`<span class="small wrap">${d.reason}</span>`,
    ]),
    { narrow: 'stack', labels: true, caption: `The newest ${count(decisions.length, 'decision')}` },
  );
}

const timeOf = (ms: number): string => new Date(ms).toISOString();

function outcomeText({ outcome, succeeded }: GuardDecision): string {
  if (outcome !== 'allowed') return outcome;
  return succeeded === null ? 'allowed, end not known' : succeeded ? 'allowed, done' : 'allowed, failed';
}

function toneOf({ outcome, succeeded }: GuardDecision): string {
  if (outcome === 'allowed') return succeeded === false ? 'bad' : succeeded === null ? '' : 'good';
  return outcome === 'stopped' || outcome === 'approval-denied' ? 'bad' : 'warn';
}

// The rollback decision as a section of a page, and as a page: what to restore, the proof, the refused candidates, the steps.

import { shortHash } from '../../base/index.ts';
import { count, grouped, milliseconds, percent, points, usd, when } from '../../base/numbers.ts';
import type { DependentState, EconomyRatio, RollbackDecision, Verification } from '../../core/index.ts';
import { type Html, html, htmlLines, joinHtml, NOTHING } from './html.ts';
import { type Card, summaryCards } from './html-cards.ts';
import { htmlPage, htmlTable, tone } from './html-page.ts';

/** Rows of a table; the JSON has all of them. */
const MOST_ROWS = 40;

/** The decision as a page of its own; it runs no script. */
export function rollbackHtml(d: RollbackDecision): string {
  return htmlPage(`${d.suite}: rollback ${d.decision}`, rollbackSection(d, 1));
}

/** `level` is that of the heading. */
export function rollbackSection(d: RollbackDecision, level: 1 | 2 = 2): Html {
  const sub = level === 1 ? 'h2' : 'h3';
  const parts = [
    html`<h${level} id="rollback"><span class="verdict ${tone(d.decision)}">${d.decision}</span>${title(d)}</h${level}>`,
    html`<p>${d.reason}</p>`,
    summaryCards(cards(d), 'Rollback decision'),
    d.target === null ? NOTHING : stateTable(d.target.dependentStates ?? [], sub),
    d.verification === null ? NOTHING : conditionTable(d, d.verification, sub),
    d.steps.length === 0
      ? NOTHING
      : html`<${sub}>Steps</${sub}><ol>${d.steps.map((s) => html`<li>${s}</li>`)}</ol>`,
    refusedTable(d, sub),
    regressedList(d),
    html`<p class="small dim">${count(d.callsSpent, 'call')} spent.${drillText(d)}</p>`,
  ];
  return htmlLines(parts);
}

function title({ decision, target, suite }: RollbackDecision): string {
  if (target === null) return `${suite}: no rollback target`;
  const name = `${target.release} ${shortHash(target.fingerprint)}`;
  return decision === 'verified' ? `Restore ${name}` : `Not proven: ${name} is the best candidate left`;
}

function cards(d: RollbackDecision): Card[] {
  const { target, verification: v, onset, current, baseline } = d;
  const before = baseline.pool?.passRate ?? baseline.passRate;
  const layers = onset?.layersChanged ?? [];
  const out: Card[] = [
    {
      name: 'Incident',
      value: `${percent(before)} → ${percent(current.passRate)}`,
      detail: `${count(d.regressedCases.length, 'case')} regressed; ${current.release} ${shortHash(current.fingerprint)}`,
      tone: d.regressedCases.length > 0 ? 'bad' : undefined,
    },
    {
      name: 'Since',
      value: onset === null ? 'not known' : `${when(onset.at)} UTC`,
      detail:
        onset === null
          ? undefined
          : layers.length > 0
            ? `layers changed: ${layers.join(', ')}`
            : 'no layer changed: the provider is the suspect',
    },
  ];
  if (d.diagnosis !== undefined) out.push({ name: 'Cause', value: d.diagnosis });
  if (target !== null)
    out.push({
      name: 'Layers to change',
      value: target.layersRestored.join(', ') || 'none',
      detail: target.hybrid ? 'a hybrid that was never run before this check' : undefined,
    });
  if (v === null) out.push({ name: 'Proof', value: 'none', detail: 'the target was not run', tone: 'warn' });
  else out.push(...proofCards(d, v));
  return out;
}

function proofCards(d: RollbackDecision, v: Verification): Card[] {
  const conditions = v.conditions ?? [];
  const holding = conditions.filter((c) => c.state === 'holds').length;
  const out: Card[] = [
    {
      name: 'Proof',
      value: v.outcome,
      detail: `fresh run ${v.snapshot}${conditions.length === 0 ? '' : `; ${holding} of ${count(conditions.length, 'condition')} hold`}`,
      tone: tone(v.outcome),
    },
    {
      name: 'Recovered',
      value: `${v.recovered} of ${d.regressedCases.length}`,
      detail: v.stillFailing.length === 0 ? undefined : `still failing: ${someOf(v.stillFailing)}`,
    },
  ];
  if (v.control?.moved === true)
    out.push({
      name: 'World',
      value: 'moved',
      detail: `the last good release passes ${percent(v.control.passRate)} today (${points(v.control.delta)}); ${count(v.control.fell.length, 'case')} fell`,
      tone: 'warn',
    });
  if (v.economy !== undefined) {
    const { costUsd, latencyMs, length } = v.economy;
    out.push({
      name: 'Against the last good release',
      value: `cost ${times(costUsd)}`,
      detail: `latency ${times(latencyMs)}, length ${times(length)}`,
    });
  }
  return out;
}

function times({ ratio }: EconomyRatio): string {
  return ratio === null ? 'not known' : `× ${ratio.toFixed(2)}`;
}

function someOf(ids: readonly string[]): string {
  return `${ids.slice(0, 4).join(', ')}${ids.length > 4 ? ` and ${grouped(ids.length - 4)} more` : ''}`;
}

function stateTable(states: readonly DependentState[], sub: string): Html {
  if (states.length === 0) return NOTHING;
  const word = { fits: 'good', 'does-not-fit': 'bad', 'not-checked': 'warn', 'no-check': 'warn' } as const;
  return html`<${sub}>State that was built from a layer</${sub}>${htmlTable(
    ['state', 'built from', '', 'detail'],
    states
      .slice(0, MOST_ROWS)
      .map((s) => [
        s.name,
        s.builtFrom,
        html`<strong class="${word[s.state]}">${s.state.replaceAll('-', ' ')}</strong>`,
        s.detail,
      ]),
    { narrow: 'stack' },
  )}`;
}

/** Every demand with its numbers, what failed first; decisions of older versions have only their reason. */
function conditionTable({ target, baseline }: RollbackDecision, v: Verification, sub: string): Html {
  const order = { fails: 0, open: 1, holds: 2 } as const;
  const word = { fails: 'bad', open: 'warn', holds: 'good' } as const;
  const conditions = [...(v.conditions ?? [])].sort((a, b) => order[a.state] - order[b.state]);
  const control =
    v.control === undefined
      ? ''
      : v.control === null
        ? target?.fingerprint === baseline.fingerprint
          ? html`<p>The target is the last good release. It was measured against its own stored runs.</p>`
          : html`<p>The last good release was not run beside the target. Its stored runs were the measure.</p>`
        : html`<p>Run beside the target: the last good release ${v.control.release} <code>${shortHash(v.control.fingerprint)}</code>, pass rate today ${percent(v.control.passRate)}.</p>`;
  const needs =
    v.trialsToSettle == null
      ? ''
      : html`<p class="banner">About ${count(v.trialsToSettle, 'trial')} per case and arm would settle it: <code>--trials ${v.trialsToSettle}</code></p>`;
  const absolute =
    v.economy === undefined
      ? ''
      : html`<p class="small dim">Target: cost ${usd(v.economy.costUsd.target)}, latency ${milliseconds(v.economy.latencyMs.target)}, length ${v.economy.length.target === null ? 'not known' : Math.round(v.economy.length.target)}.</p>`;
  return html`<${sub}>Proof</${sub}><p>${v.reason}</p>${control}${needs}${
    conditions.length === 0
      ? ''
      : htmlTable(
          ['condition', '', 'numbers'],
          conditions.map((c) => [
            c.name.replaceAll('-', ' '),
            html`<strong class="${word[c.state]}">${c.state}</strong>`,
            c.detail,
          ]),
          { narrow: 'stack' },
        )
  }${absolute}`;
}

function refusedTable({ rejected }: RollbackDecision, sub: string): Html {
  if (rejected.length === 0) return NOTHING;
  const left = rejected.length - MOST_ROWS;
  return html`<${sub}>Refused candidates (${rejected.length})</${sub}>${htmlTable(
    ['release', 'why', 'detail'],
    rejected
      .slice(0, MOST_ROWS)
      .map((r) => [
        html`${r.release} <code>${shortHash(r.fingerprint)}</code>`,
        r.reason.replaceAll('_', ' '),
        r.detail,
      ]),
    { narrow: 'stack' },
  )}${left > 0 ? html`<p>… ${count(left, 'more candidate')}; the JSON has all of them.</p>` : ''}`;
}

function regressedList({ regressedCases }: RollbackDecision): Html {
  if (regressedCases.length === 0) return NOTHING;
  const left = regressedCases.length - MOST_ROWS;
  return html`<details><summary>${count(regressedCases.length, 'regressed case')}</summary><p>${joinHtml(
    regressedCases.slice(0, MOST_ROWS).map((id) => html`<code>${id}</code>`),
    ', ',
  )}${left > 0 ? ` and ${count(left, 'more case')}` : ''}</p></details>`;
}

function drillText({ lastDrill, target }: RollbackDecision): string {
  if (lastDrill === undefined || target === null) return '';
  return lastDrill === null
    ? ' This rollback was never rehearsed (lastgood drill).'
    : ` Last drill: ${lastDrill.outcome}, ${count(lastDrill.ageDays, 'day')} ago.`;
}

// A rollout for a person at a terminal: where it stands, what holds it, and both readings of every gate.

import { shortHash } from '../../base/index.ts';
import { percent, when } from '../../base/numbers.ts';
import type { GateReading, RolloutReport, RolloutStatus } from '../../core/rollout.ts';
import type { GatePlan, RolloutPlan, RolloutReplay } from '../../core/rollout-plan.ts';
import { powerText, valueText } from '../../core/rollout-words.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const HEADS: Readonly<Record<RolloutStatus, string>> = {
  running: 'RUNNING',
  paused: 'PAUSED',
  frozen: 'FROZEN',
  complete: 'COMPLETE',
  promoted: 'PROMOTED',
  'rolled-back': 'ROLLED BACK',
  aborted: 'ABORTED',
};

export function rolloutText(r: RolloutReport, style: Style = PLAIN): string {
  const head = HEADS[r.status];
  const painted =
    r.status === 'rolled-back'
      ? style.red(style.bold(head))
      : r.status === 'paused' || r.status === 'frozen'
        ? style.yellow(style.bold(head))
        : style.green(style.bold(head));
  const out = [
    `${painted}  ${terminalLine(r.feature, 64)} in ${terminalLine(r.environment, 64)} at ${r.percent}%, stage ${r.stage + 1} of ${r.stages.length}`,
    `  why        ${terminalLine(r.reason, 300)}`,
    `  since      ${when(r.since)} UTC by ${terminalLine(r.by, 60)}`,
    ...(r.holds === null ? [] : [`  holds      ${terminalLine(r.holds, 300)}`]),
    `  control    ${terminalLine(r.control.release, 60)} ${shortHash(r.control.fingerprint)}, ${r.calls.control} calls in this stage`,
    `  candidate  ${terminalLine(r.candidate.release, 60)} ${shortHash(r.candidate.fingerprint)}, ${r.calls.candidate} calls in this stage`,
    ...r.disabled.map((segment) => `  disabled   for the segment ${terminalLine(segment, 100)}`),
    ...r.waived.map(
      (w) =>
        `  waived     "${w.condition}" (${terminalLine(w.detail, 160)}) by ${terminalLine(w.by, 60)}: ${terminalLine(w.why, 200)}`,
    ),
    ...(r.pending.length === 0
      ? []
      : [`  pending    ${r.pending.join(', ')}: lastgood rollout step ${r.feature}`]),
    '',
    `  gate                 candidate          control            ticket's rule  evidence (acts at ${powerText(r.needed)})`,
    ...r.gates.map((gate) => gateLine(gate, style)),
    ...unitLines(r.gates),
    '',
    ...r.history
      .slice(-6)
      .map((h) => `  ${when(h.at)}  ${terminalLine(h.what, 300)}  (${terminalLine(h.by, 60)})`),
    ...nextLines(r),
  ];
  return `${out.join('\n')}\n`;
}

function gateLine(g: GateReading, style: Style): string {
  const arm = ({ n, value }: GateReading['candidate']): string =>
    (value === null ? `unknown of ${n}` : `${valueText(value, g.unit)} of ${n}`).padEnd(18);
  const literal = g.literal === 'red' ? style.red('red       ') : g.literal.padEnd(10);
  const evidence = g.evidence === null ? 'no test: the rule decides' : powerText(g.evidence);
  const acted = g.fired ? ` → ${g.action}` : '';
  return `  ${terminalLine(g.signal, 20).padEnd(20)} ${arm(g.candidate)} ${arm(g.control)} ${literal}     ${evidence}${acted}`;
}

/** What the evidence rests on: the gate with the most units speaks for all. */
function unitLines(gates: RolloutReport['gates']): string[] {
  const known = gates.flatMap((g) => (g.units === null ? [] : [g.units]));
  const widest = known.reduce<(typeof known)[number] | null>(
    (most, u) => (most === null || u.candidate > most.candidate ? u : most),
    null,
  );
  if (widest === null) return [];
  const { unit, assumed, unnamed, candidate, control, largest } = widest;
  if (unit === 'unknown')
    return [
      `  The observations do not say which calls are of one user. The evidence allows ${assumed} calls to share an outcome.`,
    ];
  const effect = Math.max(...known.map((u) => u.designEffect));
  const most = largest >= 0.1 ? `; the largest makes ${percent(largest)} of the candidate's calls` : '';
  const apart =
    effect >= 1.5 ? `; calls of one ${unit} hang together (design effect ${effect.toFixed(1)})` : '';
  return [
    `  evidence by ${unit}: ${candidate} of the candidate, ${control} of the control${most}${apart}`,
    ...(unnamed >= 0.01
      ? [`  ${percent(unnamed)} of the calls name no ${unit}; the evidence leaves them out`]
      : []),
  ];
}

function nextLines({ status, feature }: RolloutReport): string[] {
  if (status === 'paused' || status === 'frozen')
    return [
      '',
      `  next: lastgood rollout resume ${feature} --why TEXT, or lastgood rollout abort ${feature} --why TEXT`,
    ];
  if (status === 'complete') return ['', `  next: lastgood rollout promote ${feature} --why TEXT`];
  return [];
}

/** What the log says happened, and whether the flag in force is what it asks for. Looks that changed nothing are counted only. */
export function replayText(r: RolloutReplay): string {
  const told: string[] = [];
  let before = '';
  let looks = 0;
  for (const { seq, at, by, kind, percent, status } of r.events) {
    const now = `${status} at ${percent}%`;
    if (kind === 'looked' || kind === 'applied') looks += kind === 'looked' ? 1 : 0;
    if (kind === 'applied' || (kind === 'looked' && now === before)) continue;
    told.push(
      `  ${String(seq).padStart(5)}  ${when(at)}  ${kind.padEnd(12)} ${now}  (${terminalLine(by, 60)})`,
    );
    before = now;
  }
  const ignored = r.ignored === 0 ? '' : `, ${r.ignored} of other rollouts or of writers that were too late`;
  return `${[
    `${r.id}: ${r.events.length} events, ${looks} of them looks${ignored}`,
    ...told,
    r.agrees
      ? `  ai.rollout.percent is ${r.flag}, as the log says`
      : `  ai.rollout.percent is ${r.flag ?? 'not set'}, but the log asks for ${r.percent}: lastgood rollout step`,
  ].join('\n')}\n`;
}

/** Stages and gates: how many calls each needs and gets. */
export function planText(p: RolloutPlan): string {
  const out = [`${terminalLine(p.feature, 64)} at ${p.requestsPerDay} requests a day`];
  for (const { percent, forMs, calls, gates } of p.stages) {
    const time = forMs === null ? 'no end' : `${Number((forMs / 3_600_000).toPrecision(3))} h`;
    out.push(
      '',
      `  ${percent}% for ${time}: ${calls === null ? 'the last stage' : `${Math.round(calls)} calls of the candidate`}`,
    );
    if (calls === null) continue;
    for (const g of gates)
      out.push(`    ${terminalLine(g.signal, 20).padEnd(20)} ${gatePlan(g, forMs, calls)}`);
  }
  out.push(
    '',
    p.firstPercent === null
      ? '  No first stage of this length finds every harm: make it longer.'
      : `  From ${p.firstPercent}% on, a first stage of this length finds every harm that has a test.`,
    ...(p.assumed.length === 0
      ? []
      : [
          '  Assumed, because observations of the control do not tell:',
          ...p.assumed.map((text) => `    ${terminalLine(text, 200)}`),
        ]),
    '  The smallest harm of the ticket is assumed. The numbers are expectations; half of all runs need more.',
  );
  return `${out.join('\n')}\n`;
}

function gatePlan(
  { calls, ruleCalls, finds, reads, designEffect }: GatePlan,
  forMs: number | null,
  inStage: number,
): string {
  const hours = (n: number): string => (((forMs ?? 0) / 3_600_000) * (n / inStage)).toPrecision(2);
  const test =
    calls === null
      ? 'no test'
      : finds
        ? `found after ${calls} calls (${hours(calls)} h)`
        : `NOT found: needs ${calls} calls`;
  const rule = reads ? `rule read after ${ruleCalls}` : `HOLDS: the rule needs ${ruleCalls}`;
  const effect = calls === null || designEffect < 1.1 ? '' : `  (design effect ${designEffect.toFixed(1)})`;
  return `${test.padEnd(38)} ${rule}${effect}`;
}

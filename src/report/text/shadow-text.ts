// A shadow run on a terminal: what will be called, then how far the candidate's answers differ, where most, and at what cost.

import { count, grouped, milliseconds, percent, pValue, usd, when } from '../../base/numbers.ts';
import type {
  ShadowCost,
  ShadowDifference,
  ShadowGroup,
  ShadowReport,
  ShadowSample,
} from '../../core/shadow.ts';
import { terminalLine } from '../parts/escape.ts';
import { judgingText } from './run-text.ts';
import { PLAIN, type Style } from './style.ts';

const SHOWN_GROUPS = 6;

interface Bounds {
  readonly calls: number;
  readonly callsUpper: number;
  readonly costUpperUsd: number | null;
  readonly judge: Parameters<typeof judgingText>[0] | null;
}

/** What is going to be called, and what it may cost. */
export function shadowPlanText(plan: {
  readonly feature: string;
  readonly release: string;
  readonly against: string;
  readonly sample: ShadowSample;
  readonly candidate: Bounds;
  readonly baseline: Bounds | null;
  readonly observedJudge: Bounds['judge'];
  readonly graders: readonly string[];
  readonly preferCalls: number;
}): string {
  const side = (name: string, b: Bounds): string[] => [
    `  ${name}: ${count(b.calls, 'call')} (at most ${grouped(b.callsUpper)} with every retry), ${b.costUpperUsd === null ? 'cost unknown' : `cost at most ${usd(b.costUpperUsd)}`}`,
    ...(b.judge === null ? [] : [`  ${judgingText(b.judge)}`]),
  ];
  return [
    `${terminalLine(plan.feature, 60)}: ${terminalLine(plan.release, 80)} against ${plan.against === 'observed' ? 'what users got' : terminalLine(plan.against, 80)}`,
    `  ${sampleText(plan.sample)}`,
    ...side('candidate', plan.candidate),
    ...(plan.baseline === null ? [] : side('baseline', plan.baseline)),
    ...(plan.observedJudge === null ? [] : [`  for what users got, ${judgingText(plan.observedJudge)}`]),
    ...(plan.preferCalls === 0
      ? []
      : [`  judge: at most ${count(plan.preferCalls, 'call')} more for preferences in both orders`]),
    `  ${plan.graders.length === 0 ? 'no grader applies to every input: differences are shown, not graded' : `graders: ${plan.graders.map((g) => terminalLine(g, 40)).join(', ')}`}`,
    '',
  ].join('\n');
}

function sampleText(s: ShadowSample): string {
  const without = s.withoutQuestion === 0 ? '' : ` (${grouped(s.withoutQuestion)} without a stored question)`;
  return `${count(s.questions, 'question')} of ${grouped(s.drawn)} drawn from ${count(s.observations, 'observation')}${without}, ${when(s.from)} to ${when(s.to)} UTC`;
}

export function shadowText(
  r: ShadowReport,
  options: { readonly style?: Style; readonly next?: string | null } = {},
): string {
  const style = options.style ?? PLAIN;
  const against = r.against === null ? 'what users got' : terminalLine(r.against.name, 60);
  const lines = [
    `${style.bold(terminalLine(r.feature, 60))}: ${terminalLine(r.release.name, 60)} ${r.release.fingerprint.slice(0, 12)} against ${against}, shown to no user`,
    `  ${sampleText(r.sample)}`,
    ...unpairedText(r),
  ];
  if (r.difference === null) lines.push('', 'cannot tell: no question has an answer on both sides');
  else
    lines.push(
      '',
      ...differenceLines(r.difference, r.sample, style),
      ...groupLines(r.groups, r.difference, style),
    );
  lines.push('', costText(r), ...verdictLines(r, style));
  if (r.stoppedBy !== null) lines.push(`stopped early (${r.stoppedBy}): what is missing is not counted`);
  lines.push(`Distances: ${r.embedding}, words and form, not meaning. 0 = alike, 1 = nothing in common.`);
  if (options.next !== undefined && options.next !== null) lines.push(`next: ${options.next}`);
  return `${lines.join('\n')}\n`;
}

function unpairedText({ unpaired: u }: ShadowReport): string[] {
  const parts = [
    ...(u.candidateFailed === 0 ? [] : [`the candidate failed on ${grouped(u.candidateFailed)}`]),
    ...(u.candidateNotAsked === 0 ? [] : [`it was not asked ${grouped(u.candidateNotAsked)}`]),
    ...(u.baselineWithout === 0 ? [] : [`${grouped(u.baselineWithout)} had no answer to compare with`]),
  ];
  return parts.length === 0 ? [] : [`  without a pair: ${parts.join(', ')}`];
}

function differenceLines(d: ShadowDifference, { noise }: ShadowSample, style: Style): string[] {
  const { length: l, form } = d;
  const moves = form.moves.slice(0, 3).map((m) => `${m.from} to ${m.to} ${grouped(m.n)}`);
  const ratio = l.ratio === null ? '' : ` (×${l.ratio.toFixed(2)})`;
  return [
    style.bold(
      `${count(d.pairs, 'pair')}: ${percent(d.changed / d.pairs)} of the answers differ in a word or more`,
    ),
    `  distance    mean ${d.distance.mean.toFixed(3)}, median ${d.distance.p50.toFixed(3)}, 95% of pairs up to ${d.distance.p95.toFixed(3)}`,
    `              ${noise === null ? 'too few questions were asked twice to say how much production differs from itself' : `production differs from itself by ${noise.distance.toFixed(3)} (${count(noise.pairs, 'pair')} of one question and release)`}`,
    `  length      median ${grouped(Math.round(l.baseline))} to ${grouped(Math.round(l.candidate))} characters${ratio}`,
    `  form        ${form.changed === 0 ? 'unchanged' : `${grouped(form.changed)} changed: ${moves.join(', ')}`}`,
    `  refusals    ${grouped(d.refusals.baseline)} to ${grouped(d.refusals.candidate)}`,
    ...(d.tools === 0 ? [] : [`  tool calls  ${grouped(d.tools)} call other tools`]),
  ];
}

function groupLines(groups: readonly ShadowGroup[], all: ShadowDifference, style: Style): string[] {
  const most = groups.filter((g) => g.distance.mean > all.distance.mean);
  const shown = most.slice(0, SHOWN_GROUPS);
  if (shown.length === 0) return [];
  const line = (g: ShadowGroup): string => {
    const ratio = g.length.ratio === null ? '' : `, length ×${g.length.ratio.toFixed(2)}`;
    const name = `${g.by} ${terminalLine(g.value, 40)}`.padEnd(28);
    return `  ${name} distance ${g.distance.mean.toFixed(3)}${ratio}, ${count(g.pairs, 'pair')}`;
  };
  const more = groups.length - shown.length;
  return [
    style.bold('where most:'),
    ...shown.map(line),
    ...(more > 0 ? [`  ${count(more, 'more group')} in --json`] : []),
  ];
}

function costText({ cost }: ShadowReport): string {
  const one = ({ perCallUsd, latencyMs }: ShadowCost): string =>
    `${perCallUsd === null ? 'cost not known' : `${usd(perCallUsd)} a call`}, ${latencyMs === null ? 'latency not known' : milliseconds(latencyMs)}`;
  const total = cost.candidateUsd === null ? '' : `; this run cost ${usd(cost.candidateUsd)}`;
  return `cost: ${one(cost.baseline)} before; ${one(cost.candidate)} now${total}`;
}

function verdictLines({ preference: p, comparison: c, graders }: ShadowReport, style: Style): string[] {
  const lines: string[] = [];
  if (p !== null)
    lines.push(
      `judge, both orders: candidate ${p.verdict}: better ${p.better}, worse ${p.worse}, tie ${p.tie}, order-dependent ${p.inconsistent}, not judged ${p.ungraded} (p = ${pValue(p.p)})`,
    );
  if (c !== null) {
    const pass = (share: number | null): string => (share === null ? 'not known' : percent(share));
    const word = c.verdict === 'regressed' ? style.red(c.verdict) : c.verdict;
    lines.push(
      `graders (${graders.map((g) => terminalLine(g, 30)).join(', ')}): ${word}; pass rate ${pass(c.baseline.passRate)} to ${pass(c.candidate.passRate)}`,
      `  case by case: lastgood diff ${c.baseline.id} ${c.candidate.id}`,
    );
  }
  return lines;
}

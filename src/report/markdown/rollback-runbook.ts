// The runbook of a rollback: what is changed in which order, how it goes live, what is watched, who decides, what is said.

import { shortHash } from '../../base/index.ts';
import { count, percent, pointInterval, points, when } from '../../base/numbers.ts';
import type { Comparison, LayerName, RollbackDecision } from '../../core/index.ts';
import { markdownText } from '../parts/escape.ts';

export interface RunbookInput {
  readonly decision: RollbackDecision;
  readonly comparison: Comparison;
  /** Layers in the order in which they are to be changed, with what differs. */
  readonly changes: readonly { readonly layer: LayerName; readonly lines: readonly string[] }[];
  /** Name of the restored release file beside this one; null without a target. */
  readonly releaseFile: string | null;
  /** Who named the baseline. */
  readonly blessedBy: string | null;
  /** ISO time the runbook was written. */
  readonly at: string;
}

const LONGEST_DIFF = 40;

/** Markdown. Everything that came from a model, a suite or a release is escaped. */
export function rollbackRunbook(input: RunbookInput): string {
  const { decision: d } = input;
  return `${[
    ...head(input),
    ...whatToChange(input),
    ...goLive(d),
    ...watch(input),
    ...who(input),
    ...messages(),
  ].join('\n')}\n`;
}

function head({ decision: d, at }: RunbookInput): string[] {
  const t = d.target;
  const warning =
    d.decision === 'verified'
      ? []
      : [
          '',
          d.decision === 'none'
            ? '> **No target was verified.** Nothing here may be restored on the strength of this page. What can be done without a target: switch the automation to human review, and add candidates (`--release FILE`).'
            : '> **This target is not verified.** Restoring it is a guess until it is.',
        ];
  return [
    `# Rollback of ${markdownText(d.suite)}: ${d.decision}`,
    '',
    `Written ${when(at)} UTC by lastgood. ${markdownText(d.reason)}`,
    ...warning,
    '',
    '| | |',
    '|---|---|',
    `| incident | \`${d.current.id}\` ${markdownText(d.current.release)} \`${shortHash(d.current.fingerprint)}\`, pass rate ${percent(d.current.passRate)} |`,
    `| baseline | \`${d.baseline.id}\` ${markdownText(d.baseline.release)} \`${shortHash(d.baseline.fingerprint)}\`, pass rate ${percent(d.baseline.passRate)}${d.baseline.pool === undefined || d.baseline.pool.runs < 2 ? '' : ` (pool of ${d.baseline.pool.runs} runs: ${percent(d.baseline.pool.passRate)})`} |`,
    `| since | ${d.onset === null ? 'could not be placed' : `${when(d.onset.at)} UTC (\`${d.onset.snapshot}\`)`} |`,
    `| whose change | ${markdownText(d.diagnosis ?? 'not known')} |`,
    `| regressed | ${count(d.regressedCases.length, 'case')} |`,
    `| target | ${t === null ? 'none' : `${markdownText(t.release)} \`${shortHash(t.fingerprint)}\`${t.hybrid ? ' (a hybrid, never run before it was verified)' : ''}`} |`,
    `| proof | ${d.verification === null ? 'none' : `\`${d.verification.snapshot}\`: ${markdownText(d.verification.reason)}`} |`,
    ...economyRow(d),
    ...(d.verification?.control?.moved === true
      ? [
          `| the world | moved: the last good release ${markdownText(d.verification.control.release)} is no longer good today |`,
        ]
      : []),
    `| last drill | ${d.lastDrill == null ? 'never: this path has not been rehearsed' : `${d.lastDrill.outcome}, ${count(d.lastDrill.ageDays, 'day')} ago`} |`,
    '',
  ];
}

/** Cost, latency and length of the target, as multiples of the last good release. */
function economyRow({ verification }: RollbackDecision): string[] {
  const economy = verification?.economy;
  if (economy === undefined) return [];
  const times = (ratio: number | null): string => (ratio === null ? 'not known' : `× ${ratio.toFixed(2)}`);
  return [
    `| against the last good release | cost ${times(economy.costUsd.ratio)}, latency ${times(economy.latencyMs.ratio)}, length ${times(economy.length.ratio)} |`,
  ];
}

function whatToChange({ decision: d, changes, releaseFile }: RunbookInput): string[] {
  if (d.target === null) return [];
  const out = ['## 1. What to change, in this order', ''];
  let step = 1;
  for (const s of (d.target.dependentStates ?? []).filter((x) => x.state !== 'fits')) {
    out.push(
      `${step++}. **Dependent state first:** ${markdownText(s.name)}, built from ${s.builtFrom}. ${markdownText(s.detail)}.${s.check === undefined ? '' : ` Then check it: \`lastgood rollback verify-state ${d.suite}\`.`}`,
    );
  }
  for (const { layer, lines } of changes) {
    out.push(`${step++}. **${layer}** back to the target's:`, '');
    out.push('   ```diff');
    // Fenced and without a line that could end the fence: what a prompt says is not markup.
    for (const line of lines.slice(0, LONGEST_DIFF)) out.push(`   ${line.replaceAll('```', "'''")}`);
    if (lines.length > LONGEST_DIFF) out.push(`   (${lines.length - LONGEST_DIFF} more lines)`);
    out.push('   ```', '');
  }
  if (releaseFile !== null)
    out.push(
      `The whole release stands in \`${releaseFile}\` and loads to \`${shortHash(d.target.fingerprint)}\`; check with \`lastgood fingerprint ${releaseFile}\`.`,
    );
  out.push('', 'Leave every other layer as it is: no other combination was proven.', '');
  return out;
}

function goLive(d: RollbackDecision): string[] {
  if (d.target === null) return [];
  return [
    '## 2. Go live',
    '',
    '1. 10 % of the traffic for 30 minutes. High-impact actions stay with a person meanwhile.',
    '2. Nothing of section 3 moves the wrong way: 100 %. Anything does: back to 0 % and tell the person of section 4.',
    `3. Run the suite on what is live now: \`lastgood run ${d.suite} --release FILE\`.`,
    '',
  ];
}

function watch({ decision: d, comparison: c }: RunbookInput): string[] {
  const out = ['## 3. What to watch', '', 'What moved in the incident, and must move back:', ''];
  out.push(
    `- pass rate: ${points(c.overall.delta)} ${pointInterval(c.overall.interval)}`,
    ...c.slices
      .filter((s) => s.verdict === 'regressed')
      .map(
        (s) =>
          `- tag ${markdownText(s.tag)}: ${percent(s.baseline.passRate)} → ${percent(s.candidate.passRate)}`,
      ),
  );
  const { length, latencyMs, costUsd, refusalRate, embedding } = c.metrics;
  for (const [name, metric] of Object.entries({
    'length of answers': length,
    latency: latencyMs,
    cost: costUsd,
    'refusal rate': refusalRate,
    meaning: embedding,
  }))
    if (metric.verdict === 'shifted') out.push(`- ${name}: ${markdownText(metric.reason)}`);
  const cases = d.regressedCases.slice(0, 20).map((id) => markdownText(id));
  if (cases.length > 0)
    out.push(
      `- cases: ${cases.join(', ')}${d.regressedCases.length > cases.length ? ` and ${d.regressedCases.length - cases.length} more` : ''}`,
    );
  const still = d.verification?.stillFailing ?? [];
  if (still.length > 0)
    out.push(
      `- known not to be cured by the target: ${still
        .slice(0, 10)
        .map((id) => markdownText(id))
        .join(', ')}`,
    );
  return [...out, ''];
}

function who({ blessedBy }: RunbookInput): string[] {
  return [
    '## 4. Who',
    '',
    'Fill in before the first step. After a trigger has fired there is no time for a meeting.',
    '',
    '| role | name |',
    '|---|---|',
    '| owner of the flag (switches) | |',
    '| incident commander (decides) | |',
    '| customer messages | |',
    `| named the baseline | ${blessedBy === null ? '' : markdownText(blessedBy)} |`,
    '',
  ];
}

/** They name no provider, no model and no layer: customers care about what they got and what happens now. */
function messages(): string[] {
  return [
    '## 5. What customers hear',
    '',
    'While it is being repaired:',
    '',
    '> Some of the answers our assistant gave since [time] were not as good as they should be. We have switched to an earlier setup and people are checking affected requests. You do not need to do anything. If an answer you got looks wrong, reply to it and a person will look at it.',
    '',
    'After the repair:',
    '',
    '> The problem with our assistant between [time] and [time] is fixed. Requests in that time were checked again; if yours was affected, we have written to you. We are sorry for the trouble.',
    '',
    'To a customer who was affected:',
    '',
    '> On [date] our assistant gave you an answer that was not right: [what was wrong]. What applies is: [what is right]. [What we do about it.] We are sorry.',
    '',
  ];
}

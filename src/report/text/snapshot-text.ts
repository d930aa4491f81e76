// The ledger for a person at a terminal: the list, one snapshot, one case.

import { shortHash } from '../../base/index.ts';
import { count, milliseconds, percent, when } from '../../base/numbers.ts';
import type {
  AnsweredTrial,
  Attempt,
  CaseContent,
  CaseResult,
  Output,
  SnapshotResults,
  SnapshotSummary,
  StoredTrial,
} from '../../core/index.ts';
import { BATCH_TIER } from '../../core/provider-batch.ts';
import { callText, hasSteps } from '../../core/trajectory.ts';
import { expectedText, inputText } from '../parts/case-content.ts';
import { terminalLine, terminalText } from '../parts/escape.ts';
import {
  gradedCasesText,
  passRateText,
  spent,
  spentOnJudging,
  spentOnTrial,
  tokensText,
} from '../parts/format.ts';
import { shownOutput, tellingPair, trialWord } from '../parts/stored-trial.ts';
import { conversationLines } from './conversation-text.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

/** One line a snapshot, newest first; `blessed` is marked. */
export function snapshotListText(
  list: readonly SnapshotSummary[],
  options: { readonly style?: Style; readonly blessed?: ReadonlySet<string> } = {},
): string {
  const style = options.style ?? PLAIN;
  if (list.length === 0) return 'No snapshots yet. Make one: lastgood run SUITE --release FILE\n';
  const rows = [
    ['snapshot', 'UTC', 'suite', 'release', 'fingerprint', 'graded cases', 'pass rate', '', ''].map((h) =>
      style.dim(h),
    ),
    ...list.map((s) => [
      s.id,
      when(s.startedAt),
      terminalLine(s.suite, 30),
      terminalLine(s.release, 36),
      shortHash(s.fingerprint),
      gradedCasesText(s),
      percent(s.passRate),
      s.state === 'finished'
        ? s.validity === 'valid'
          ? 'valid'
          : style.yellow(s.validity)
        : style.yellow(s.state),
      [
        options.blessed?.has(s.id) ? style.green('baseline') : '',
        s.purpose === 'run' ? '' : s.purpose,
        [s.simulated ? 'simulated or recorded' : '', s.imported === true ? 'imported' : '']
          .filter((note) => note !== '')
          .map((note) => style.dim(note))
          .join(', '),
        ...Object.entries(s.labels).map(([k, v]) => terminalLine(`${k}=${v}`, 40)),
      ]
        .filter(Boolean)
        .join(' '),
    ]),
  ];
  return `${table(rows, [5, 6], '').join('\n')}\n`;
}

/** One snapshot: what it is, and its cases, the failing ones first. */
export function snapshotText(
  results: SnapshotResults,
  options: { readonly style?: Style; readonly maxCases?: number } = {},
): string {
  const style = options.style ?? PLAIN;
  const s = results.summary;
  const out = [
    `${style.bold(s.id)}  ${terminalLine(s.suite, 60)}  ${when(s.startedAt)} UTC  ${s.validity}${s.state === 'finished' ? '' : ` (${s.state})`}${s.imported === true ? style.yellow('  imported: not measured by this ledger') : ''}`,
    `  release      ${terminalLine(s.release, 80)}  ${shortHash(s.fingerprint)}${s.pinned ? '' : style.yellow('  not pinned')}`,
    `  exam         ${shortHash(s.exam)}${s.judge === null ? '' : `  judge ${shortHash(s.judge)}`}`,
    `  served       ${s.servedModels.map((m) => (m === null ? 'not disclosed' : terminalLine(m, 60))).join(', ') || 'nothing'}${s.simulated ? style.dim('  (simulated or recorded)') : ''}`,
    `  pass rate    ${passRateText(s)}; ${s.answered} answered, ${s.failed} failed, ${s.skipped} skipped, ${s.ungraded} ungraded of ${s.plannedTrials} planned trials`,
    `  cost         ${spent(s)} for ${count(s.calls, 'call')}; judge ${spentOnJudging(s)}`,
    ...s.validityReasons.map((r) => `  ${style.yellow(s.validity)}: ${terminalLine(r, 300)}`),
    ...s.findings.map((f) => `  finding: ${terminalLine(f.message, 300)} [${f.code}]`),
    '',
  ];
  const rate = (c: CaseResult): number => {
    const graded = c.trials.filter((t) => t.pass !== null);
    return graded.length === 0 ? -1 : graded.filter((t) => t.pass).length / graded.length;
  };
  const sorted = [...results.cases].sort((a, b) => rate(a) - rate(b) || (a.id < b.id ? -1 : 1));
  const max = options.maxCases ?? 60;
  out.push(
    ...table(
      sorted.slice(0, max).map((c) => {
        const graded = c.trials.filter((t) => t.pass !== null);
        const passed = graded.filter((t) => t.pass).length;
        const lost = c.plannedTrials - graded.length;
        return [
          terminalLine(c.id, 60),
          `${passed}/${graded.length}`,
          c.tags.map((t) => terminalLine(t, 30)).join(' '),
          lost > 0 ? style.yellow(`${lost} not graded`) : '',
        ];
      }),
      [1],
    ),
  );
  if (sorted.length > max) out.push(`  … ${sorted.length - max} more; --json has all of them`);
  return `${out.join('\n')}\n`;
}

/** Lines of one answer shown at a terminal; what is left out is said. */
const MOST_CITATIONS = 5;
const MOST_LINES = 40;

export interface CaseView {
  /** What the case asks and expects. */
  readonly content?: CaseContent;
  /** The same case in the baseline. */
  readonly baseline?: { readonly snapshot: string; readonly trials: readonly StoredTrial[] } | null;
}

/** One case: what is asked and expected, every trial with every grade and its reason, and what the baseline answered. */
export function caseText(
  caseId: string,
  trials: readonly StoredTrial[],
  options: CaseView & { readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const { content, baseline } = options;
  const out: string[] = [style.bold(terminalLine(caseId, 100))];
  if (content !== undefined) {
    const block = (name: string, text: string | null): string[] =>
      text === null || text === '' ? [] : ['', name, ...textLines(text)];
    out.push(...block('input', inputText(content)), ...block('expected', expectedText(content)));
  }
  if (trials.length === 0) out.push('', 'no trial of this case is stored');
  for (const stored of trials) out.push('', ...trialLines(stored, style));
  if (baseline !== undefined && baseline !== null) {
    const graded = baseline.trials.map(trialWord);
    const passed = graded.filter((word) => word === 'pass').length;
    out.push(
      '',
      `baseline ${baseline.snapshot}: ${passed} of ${count(baseline.trials.length, 'trial')} passed`,
    );
    const telling = tellingPair({ baseline: baseline.trials, candidate: trials }, true);
    if (telling !== null) {
      const [before, after] = telling;
      out.push(`  trial ${before.trial.trial} (${trialWord(before)}) answered:`);
      const same = shownOutput(before) === shownOutput(after);
      out.push(
        ...(same ? [`  the same as trial ${after.trial.trial} above`] : textLines(shownOutput(before))),
      );
    }
  }
  return `${out.join('\n')}\n`;
}

/** Of a streamed answer. */
function firstToken(attempts: readonly Attempt[]): string {
  const ms = attempts.at(-1)?.firstTokenMs;
  return ms === undefined ? '' : ` (first token after ${milliseconds(ms)})`;
}

/** A batch does not say how long one of its answers took. */
function answeredIn({ latencyMs, served }: AnsweredTrial): string {
  return latencyMs === null && served.serviceTier === BATCH_TIER
    ? 'answered in a batch'
    : `answered in ${milliseconds(latencyMs)}`;
}

function trialLines({ trial, grades }: StoredTrial, style: Style): string[] {
  if (trial.status !== 'answered')
    return [`trial ${trial.trial}: ${trial.status} (${trial.cause}): ${terminalLine(trial.message, 300)}`];
  const tokens = tokensText(trial.usage);
  return [
    `trial ${trial.trial}: ${answeredIn(trial)}${firstToken(trial.attempts)}, stop reason ${terminalLine(trial.stopReason, 40)}, served ${trial.served.model === null ? 'model not disclosed' : terminalLine(trial.served.model, 60)}, ${count(trial.attempts.length, 'attempt')}, cost ${spentOnTrial(trial)}`,
    ...(tokens === '' ? [] : [`  ${tokens}`]),
    ...answerLines(trial.output),
    ...besideLines(trial.output),
    ...grades.map((g) => {
      const mark =
        g.status === 'scored' ? (g.pass ? style.green('pass') : style.red('FAIL')) : style.yellow(g.cause);
      return `  ${mark}  ${terminalLine(g.graderId, 40)}: ${terminalLine(g.reason, 300)}`;
    }),
  ];
}

/** The answer, or the conversation that led to it. */
function answerLines(output: Output): string[] {
  if (hasSteps(output)) return conversationLines(output);
  return [
    ...textLines(output.text),
    ...(output.refusal === undefined ? [] : [`  refusal: ${terminalLine(output.refusal, 200)}`]),
    ...output.toolCalls.map((call) => `  tool call: ${terminalLine(callText(call), 200)}`),
  ];
}

/** What the API said beside the answer. */
function besideLines({ citations = [], logprobs }: Output): string[] {
  const shown = citations.slice(0, MOST_CITATIONS);
  const left = citations.length - shown.length;
  return [
    ...shown.map((citation) => `  cites: ${terminalLine(JSON.stringify(citation), 200)}`),
    ...(left > 0 ? [`  … ${count(left, 'more citation')}; --json has all of them`] : []),
    ...(logprobs === undefined ? [] : ['  log probabilities are stored; --json has them']),
  ];
}

function textLines(text: string): string[] {
  const lines = terminalText(text).split('\n');
  const left = lines.length - MOST_LINES;
  return [
    ...lines.slice(0, MOST_LINES).map((line) => `  | ${line}`),
    ...(left > 0 ? [`  … ${count(left, 'more line')}; --json has all of them`] : []),
  ];
}

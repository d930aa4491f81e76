// The ledger for a person at a terminal: the list, one snapshot, one case.

import type { CaseResult, SnapshotResults, SnapshotSummary, StoredTrial } from '../core/index.ts';
import { shortHash } from '../core/index.ts';
import { terminalLine, terminalText } from './escape.ts';
import { count, milliseconds, percent, spent, spentOnJudging, spentOnTrial, when } from './format.ts';
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
    ['snapshot', 'UTC', 'suite', 'release', 'fingerprint', 'cases', 'pass rate', '', ''].map((h) =>
      style.dim(h),
    ),
    ...list.map((s) => [
      s.id,
      when(s.startedAt),
      terminalLine(s.suite, 30),
      terminalLine(s.release, 36),
      shortHash(s.fingerprint),
      String(s.cases),
      percent(s.passRate),
      s.state === 'finished'
        ? s.validity === 'valid'
          ? 'valid'
          : style.yellow(s.validity)
        : style.yellow(s.state),
      [
        options.blessed?.has(s.id) ? style.green('baseline') : '',
        s.purpose === 'run' ? '' : s.purpose,
        s.simulated ? style.dim('simulated or recorded') : '',
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
    `${style.bold(s.id)}  ${terminalLine(s.suite, 60)}  ${when(s.startedAt)} UTC  ${s.validity}${s.state === 'finished' ? '' : ` (${s.state})`}`,
    `  release      ${terminalLine(s.release, 80)}  ${shortHash(s.fingerprint)}${s.pinned ? '' : style.yellow('  not pinned')}`,
    `  exam         ${shortHash(s.exam)}${s.judge === null ? '' : `  judge ${shortHash(s.judge)}`}`,
    `  served       ${s.servedModels.map((m) => (m === null ? 'not disclosed' : terminalLine(m, 60))).join(', ') || 'nothing'}${s.simulated ? style.dim('  (simulated or recorded)') : ''}`,
    `  pass rate    ${percent(s.passRate)} over ${count(s.cases, 'case')}; ${s.answered} answered, ${s.failed} failed, ${s.skipped} skipped, ${s.ungraded} ungraded of ${s.plannedTrials} planned trials`,
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

/** One case with every trial, every grade and its reason. */
export function caseText(
  caseId: string,
  trials: readonly StoredTrial[],
  options: { readonly style?: Style } = {},
): string {
  const style = options.style ?? PLAIN;
  const out: string[] = [style.bold(terminalLine(caseId, 100))];
  for (const { trial, grades } of trials) {
    if (trial.status !== 'answered') {
      out.push(
        '',
        `trial ${trial.trial}: ${trial.status} (${trial.cause}): ${terminalLine(trial.message, 300)}`,
      );
      continue;
    }
    out.push(
      '',
      `trial ${trial.trial}: answered in ${milliseconds(trial.latencyMs)}, stop reason ${terminalLine(trial.stopReason, 40)}, served ${trial.served.model === null ? 'model not disclosed' : terminalLine(trial.served.model, 60)}, ${count(trial.attempts.length, 'attempt')}, cost ${spentOnTrial(trial)}`,
    );
    for (const line of terminalText(trial.output.text).split('\n').slice(0, 40)) out.push(`  | ${line}`);
    for (const call of trial.output.toolCalls)
      out.push(`  tool call: ${terminalLine(`${call.name}(${JSON.stringify(call.args)})`, 200)}`);
    for (const g of grades) {
      const mark =
        g.status === 'scored' ? (g.pass ? style.green('pass') : style.red('FAIL')) : style.yellow(g.cause);
      out.push(`  ${mark}  ${terminalLine(g.graderId, 40)}: ${terminalLine(g.reason, 300)}`);
    }
  }
  return `${out.join('\n')}\n`;
}

// What is known of the judge, and what re-grading did, for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import { count, percent, pValue } from '../../base/numbers.ts';
import type { Calibration, Share, SnapshotSummary } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { passRateText } from '../parts/format.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

/** A re-graded snapshot as the report needs it. */
export interface Regraded {
  readonly summary: SnapshotSummary;
  readonly source: SnapshotSummary;
  readonly leftOut: readonly { readonly caseId: string; readonly why: string }[];
  /** Trials left without a grade, because the ledger does not have their answers. */
  readonly removed: number;
  readonly changed: number;
  readonly judgeCalls: number;
  /** Distinct answers that were given an embedding vector. */
  readonly embedded: number;
  readonly existed: boolean;
  /** Why some answers were not judged; null = all were. */
  readonly stoppedBy: string | null;
}

/** The new grade set beside the old one, what was left out, and the next command. */
export function regradeText(r: Regraded, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const { source, summary } = r;
  const row = (s: SnapshotSummary): string =>
    `${s.id}  exam ${shortHash(s.exam)}${s.judge === null ? '' : `  judge ${shortHash(s.judge)}`}  pass rate ${passRateText(s)}, ${s.ungraded} ungraded`;
  const lines = r.existed
    ? [
        `${style.bold(summary.id)} already holds these grades; ${r.embedded === 0 ? 'nothing was done' : `${count(r.embedded, 'answer')} embedded`}.`,
        `  ${row(summary)}`,
      ]
    : [
        `snapshot ${style.bold(summary.id)}: the outputs of ${source.id} under another exam; 0 subject calls, ${count(r.judgeCalls, 'judge call')}`,
        `  before  ${row(source)}`,
        `  now     ${row(summary)}`,
        `  ${count(r.changed, 'trial')} came out differently${r.embedded === 0 ? '' : `; ${count(r.embedded, 'answer')} embedded`}`,
      ];
  if (r.removed > 0)
    lines.push(
      `  ${style.yellow('not graded')}  ${count(r.removed, 'answer')} that the ledger does not have (pruned, forgotten or never kept)`,
    );
  lines.push(
    ...summary.validityReasons.map(
      (reason) => `  ${style.yellow(summary.validity)}: ${terminalLine(reason, 300)}`,
    ),
  );
  const MOST = 20;
  for (const { caseId, why } of r.leftOut.slice(0, MOST))
    lines.push(`  left out: ${terminalLine(caseId, 80)}: ${why}`);
  if (r.leftOut.length > MOST)
    lines.push(`  … ${r.leftOut.length - MOST} more left out; --json has all of them`);
  if (r.stoppedBy !== null) {
    lines.push(`next: run the same command again: it asks only what has no verdict yet (${r.stoppedBy})`);
    return `${lines.join('\n')}\n`;
  }
  lines.push(
    summary.id === source.id ? `next: lastgood show ${source.id}` : `next: lastgood diff ${summary.id} REF`,
  );
  return `${lines.join('\n')}\n`;
}

/** The figures of `judge check`, as the report needs them. */
export interface CheckedJudge {
  readonly snapshot: string;
  readonly judge: string;
  readonly times: number;
  readonly outputs: number;
  readonly removed: number;
  readonly judgeCalls: number;
  readonly ungraded: Readonly<Record<string, number>>;
  readonly flipRate: number | null;
  readonly scoreSd: number | null;
  readonly straddling: readonly {
    readonly caseId: string;
    readonly trial: number;
    readonly passes: readonly (boolean | null)[];
  }[];
}

/** How noisy the judge is on identical texts, and where. */
export function judgeCheckText(c: CheckedJudge, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const failed = Object.entries(c.ungraded).map(([cause, n]) => `${n} ${cause}`);
  const lines = [
    `judge ${style.bold(shortHash(c.judge))} on ${count(c.outputs, 'frozen output')} of ${c.snapshot}, each judged ${c.times} times (${count(c.judgeCalls, 'call')})`,
    `  flip rate      ${percent(c.flipRate)}  (chance that two judgings of one text differ in pass or fail)`,
    `  score sd       ${c.scoreSd === null ? 'not known' : c.scoreSd.toFixed(3)}`,
    `  straddling     ${c.straddling.length} of ${c.outputs}`,
  ];
  if (c.removed > 0)
    lines.push(`  left out       ${count(c.removed, 'output')} that the ledger does not have any more`);
  if (failed.length > 0) lines.push(`  ${style.yellow('without a grade')}  ${failed.join(', ')}`);
  const marks = (passes: readonly (boolean | null)[]): string =>
    passes.map((p) => (p === null ? '?' : p ? 'p' : 'f')).join('');
  for (const s of c.straddling.slice(0, 20))
    lines.push(`    ${terminalLine(s.caseId, 60)} trial ${s.trial}: ${marks(s.passes)}`);
  if (c.straddling.length > 20) lines.push(`    … ${c.straddling.length - 20} more; --json has all of them`);
  return `${lines.join('\n')}\n`;
}

/** The figures of `judge calibrate`, as the report needs them. */
export interface CalibratedJudge {
  readonly judge: string;
  readonly at: string;
  readonly calibration: Calibration;
}

/** How right the judge is, beside how far people agree among themselves. */
export function calibrationText(found: CalibratedJudge, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const { calibration: c } = found;
  const judge = found.judge.startsWith('recorded:') ? terminalLine(found.judge, 60) : shortHash(found.judge);
  const two = (n: number | null): string => (n === null ? 'not defined' : n.toFixed(3));
  const interval = (s: { lower: number; upper: number }): string => `[${two(s.lower)}, ${two(s.upper)}]`;
  const rate = (s: Share | null): string =>
    s === null ? 'not known' : `${two(s.value)}  ${interval(s)} on ${count(s.n, 'item')}`;
  const lines = [
    `judge ${style.bold(judge)} against ${count(c.raters, 'person', 'people')} on ${count(c.items, 'item')}${c.noMajority > 0 ? ` (${c.noMajority} more without a majority)` : ''}`,
    '',
    'People said (rows), the judge said (columns)',
    ...table(
      [
        ['', ...c.labels.map((l) => terminalLine(l, 20)), 'unparsable'],
        ...c.labels.map((l, i) => [terminalLine(l, 20), ...(c.confusion[i] ?? []).map(String)]),
      ],
      c.labels.map((_, i) => i + 1).concat(c.labels.length + 1),
    ),
    '',
    `  agreement          ${two(c.agreement)}`,
    `  Cohen's kappa      ${two(c.kappa)}${c.weightedKappa === null ? '' : `, quadratic weights ${two(c.weightedKappa)}`}`,
    `  Gwet's AC1         ${two(c.ac1)}`,
    ...(c.humanAlpha === null
      ? []
      : [`  people's alpha     ${two(c.humanAlpha)}  (Krippendorff: the ceiling)`]),
    ...c.humanPairs.map(
      (p) =>
        `  person ${p.raters[0]} and ${p.raters[1]}     agreement ${two(p.agreement)}, kappa ${two(p.kappa)}`,
    ),
    `  sensitivity        ${rate(c.sensitivity)}`,
    `  specificity        ${rate(c.specificity)}`,
    `  Youden's J         ${c.youden === null ? 'not known' : `${two(c.youden.J)}  ${interval(c.youden)}`}`,
  ];
  if (c.corrected !== null)
    lines.push(
      `  corrected rate     ${percent(c.corrected.value)} ${interval(c.corrected)}, observed ${percent(c.corrected.observed)}  (Rogan–Gladen)`,
    );
  if (c.length !== null)
    lines.push(
      `  length             Spearman with the verdict: judge ${two(c.length.judge)}, people ${two(c.length.human)}`,
    );
  if (c.position !== null)
    lines.push(
      `  position           ${c.position.inconsistent} of ${count(c.position.pairs, 'pair')} turn with the order, the first text wins ${c.position.firstWins} of them (p ${pValue(c.position.p)})${c.position.invalid ? style.red(': too many, its pairwise verdicts mean nothing') : ''}`,
    );
  lines.push(
    '',
    c.mayGate
      ? style.green('Its verdicts may decide a gate: the lower end of J is at least 0.5.')
      : style.yellow(`Its verdicts should warn, not decide: ${terminalLine(c.whyNot ?? '', 200)}.`),
    ...c.notes.map((n) => `note: ${terminalLine(n, 200)}`),
  );
  return `${lines.join('\n')}\n`;
}

/** The outcome of `judge prefer`, as the report needs it. */
export interface Preferred {
  readonly baseline: string;
  readonly candidate: string;
  readonly judge: string;
  readonly pairs: readonly {
    readonly caseId: string;
    readonly preference: string;
    readonly reason: string;
  }[];
  readonly counts: {
    readonly better: number;
    readonly worse: number;
    readonly tie: number;
    readonly inconsistent: number;
    readonly ungraded: number;
  };
  readonly removed: number;
  readonly p: number;
  readonly verdict: string;
}

/** Which side's answers the judge prefers, and the cases where the candidate lost. */
export function preferenceText(r: Preferred, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const { counts } = r;
  const lines = [
    `${style.bold(r.verdict)}: ${r.candidate} against ${r.baseline}, ${count(r.pairs.length, 'pair')}, judge ${shortHash(r.judge)}`,
    `  better ${counts.better}, worse ${counts.worse}, tie ${counts.tie}; p ${pValue(r.p)} (exact sign test)`,
    `  ${counts.inconsistent} order-dependent (excluded), ${counts.ungraded} could not be judged${r.removed === 0 ? '' : ` (${r.removed}; answer no longer stored)`}`,
  ];
  const worse = r.pairs.filter((p) => p.preference === 'worse');
  for (const { caseId, reason } of worse.slice(0, 20))
    lines.push(`  worse: ${terminalLine(caseId, 60)}: ${terminalLine(reason, 160)}`);
  if (worse.length > 20) lines.push(`  … ${worse.length - 20} more; --json has all of them`);
  return `${lines.join('\n')}\n`;
}

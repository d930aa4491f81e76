// The outcomes of a benchmark as a Markdown page.

import { clopperPearson } from '../../src/stats/index.ts';
import type { Outcome } from './play.ts';
import { CASES, MARGIN, SHAPES } from './worlds.ts';

interface Settings {
  readonly incidents: number;
  readonly firstSeed: number;
  readonly seconds: number;
}

/** Wrong targets called verified must stay at or below this share of the incidents. */
const BAR = 0.065;

export function resultsTable(outcomes: readonly Outcome[], settings: Settings): string {
  const regressions = outcomes.filter((o) => o.shape !== 'nothing regressed');
  const existed = regressions.filter((o) => o.existed);
  const noneExisted = regressions.filter((o) => !o.existed);
  const verified = outcomes.filter((o) => o.decision === 'verified');
  const wrong = verified.filter((o) => o.right !== true);
  const right = existed.filter((o) => o.decision === 'verified' && o.right === true);
  const missed = existed.filter((o) => o.decision === 'none');
  const left = existed.filter((o) => o.decision === 'unverified');
  const mean = (list: readonly number[]): number =>
    list.length === 0 ? 0 : Math.round(list.reduce((s, x) => s + x, 0) / list.length);
  const falseTarget = noneExisted.filter((o) => o.decision === 'verified').length;
  const lines = [
    '# Rollback benchmark',
    '',
    `\`npm run bench:rollback -- --incidents ${settings.incidents} --seed ${settings.firstSeed} --write\`: ${settings.incidents} seeded incidents of ${SHAPES.length} shapes, ${CASES} cases × 3 trials a night, margin ${100 * MARGIN} points, ${settings.seconds} s.`,
    'The decisions are made by the real code (screen, ranking, probe, proof, ledger); only the answers are scripted, so that the truth is known.',
    "A target is right when its true mean pass rate lies within the margin of the baseline's and the cases of the incident are back.",
    '',
    '| measure | value |',
    '|---|---|',
    `| right target verified, where one existed | ${share(right.length, existed.length)} |`,
    `| wrong target called verified, of all incidents (bar ≤ ${100 * BAR} %) | ${share(wrong.length, outcomes.length)}: ${wrong.length / outcomes.length <= BAR ? 'met' : 'NOT MET'} |`,
    `| wrong target called verified, where no right one existed | ${share(falseTarget, noneExisted.length)} |`,
    `| "none" although one existed | ${share(missed.length, existed.length)} |`,
    `| left unverified although one existed | ${share(left.length, existed.length)} |`,
    `| right target that is also a smallest one | ${share(right.filter((o) => o.smallest).length, right.length)} |`,
    `| calls spent per incident (mean) | ${mean(regressions.map((o) => o.calls))} |`,
    `| calls to run every candidate in full (mean) | ${mean(regressions.map((o) => o.exhaustiveCalls))} |`,
    `| "take the release that ran before": right, where one existed | ${share(existed.filter((o) => o.previousRight).length, existed.length)} (0 calls, proves nothing) |`,
    `| "take the release that ran before": wrong, of all regressions | ${share(regressions.filter((o) => !o.previousRight).length, regressions.length)} |`,
    '',
    '| shape | incidents | right | wrong called verified | none | unverified | calls | every candidate | release before is right |',
    '|---|---|---|---|---|---|---|---|---|',
  ];
  for (const shape of SHAPES) {
    const of = outcomes.filter((o) => o.shape === shape);
    if (of.length === 0) continue;
    const count = (test: (o: Outcome) => boolean): number => of.filter(test).length;
    lines.push(
      `| ${shape} | ${of.length} | ${count((o) => o.decision === 'verified' && o.right === true)} | ${count((o) => o.decision === 'verified' && o.right !== true)} | ${count((o) => o.decision === 'none')} | ${count((o) => o.decision === 'unverified')} | ${mean(of.map((o) => o.calls))} | ${mean(of.map((o) => o.exhaustiveCalls))} | ${shape === 'nothing regressed' ? '–' : count((o) => o.previousRight)} |`,
    );
  }
  lines.push(
    '',
    'In the last three shapes and in "everything moved" no right target exists: "none" is the right answer there.',
    '',
  );
  return lines.join('\n');
}

function share(part: number, whole: number): string {
  if (whole === 0) return 'none to count';
  const interval = clopperPearson(part, whole, 0.95);
  const range =
    interval === null
      ? ''
      : `, 95 % interval ${(100 * interval.lower).toFixed(1)}–${(100 * interval.upper).toFixed(1)} %`;
  return `${((100 * part) / whole).toFixed(1)} % (${part} of ${whole}${range})`;
}

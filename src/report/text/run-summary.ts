// A finished run and its comparison in 25 lines.

import { count, grouped } from '../../base/numbers.ts';
import type { Comparison, SnapshotSummary } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { spent, spentOnJudging } from '../parts/format.ts';
import { comparisonSummary } from './comparison-summary.ts';
import { labelled, list, type Part } from './short-lines.ts';
import type { Style } from './style.ts';

/** The comparison, then what the run made and everything about the run that is not as it should be. */
export function runSummary(
  s: SnapshotSummary,
  c: Comparison,
  options: { readonly style?: Style; readonly next?: string | undefined } = {},
): string {
  const next = s.state === 'interrupted' ? `lastgood run --resume ${s.id}` : options.next;
  return comparisonSummary(c, { ...options, next, below: runParts(s) });
}

function runParts(s: SnapshotSummary): Part[] {
  const lost = (
    [
      [s.failed, 'failed'],
      [s.skipped, 'skipped'],
      [s.ungraded, 'ungraded'],
    ] as const
  )
    .filter(([n]) => n > 0)
    .map(([n, what]) => `, ${grouped(n)} ${what}`)
    .join('');
  const served = s.servedModels
    .map((m) => (m === null ? 'model not disclosed' : terminalLine(m, 40)))
    .join(', ');
  const judging =
    s.judge === null && s.embedder === null
      ? ''
      : `, ${s.judge === null ? 'embedder' : s.embedder === null ? 'judge' : 'judge and embedder'} ${spentOnJudging(s)}`;
  const state = s.state === 'finished' ? '' : `${s.state.toUpperCase()}: `;
  return [
    {
      lines: labelled(
        'run',
        `${state}${grouped(s.answered)} of ${count(s.plannedTrials, 'trial')} answered${lost}; ${count(s.calls, 'call')}, cost ${spent(s)}${judging}; served ${served || 'nothing'}`,
        2,
      ),
    },
    list(
      [
        ...s.validityReasons.flatMap((r) => labelled(s.validity, r)),
        ...s.findings.flatMap((f) => labelled('finding', `[${f.code}] ${f.message}`)),
      ],
      4,
      { order: 3 },
    ),
  ];
}

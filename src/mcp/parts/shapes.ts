// The shapes that several tools return: a snapshot, a comparison; and how they are asked for.

import { z } from 'zod';
import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { CaseDelta, Comparison, SnapshotStore, SnapshotSummary } from '../../core/index.ts';
import { suitesOf } from '../../engine/exchange/known-suite.ts';
import { untrusted, untrustedSchema } from './untrusted.ts';

const share = z.number().nullable();

/** At most so much of one text is sent, unless more is asked for. */
const TEXT_LIMIT = 2000;

export const textLimitInput = z
  .int()
  .min(100)
  .max(100_000)
  .default(TEXT_LIMIT)
  .describe('longest text that is sent whole, in characters');

export const refInput = (fallback: string) =>
  z
    .string()
    .min(1)
    .default(fallback)
    .describe('snapshot: an id or its prefix, latest, latest~2, baseline, @2026-03-15, label:key=value');

export const suiteInput = z
  .string()
  .min(1)
  .optional()
  .describe('name of the suite in the ledger; needed for baseline and latest where there are several suites');

export const snapshotSchema = z.looseObject({
  id: z.string(),
  suite: z.string(),
  release: z.string(),
  fingerprint: z.string(),
  purpose: z.string(),
  startedAt: z.string(),
  state: z.string(),
  validity: z.string().describe('valid, degraded or invalid; an invalid one proves nothing'),
  validityReasons: z.array(untrustedSchema),
  passRate: share.describe('over graded cases; null = nothing was graded'),
  cases: z.int(),
  trials: z.int(),
  failed: z.int().describe('failed measurements; they are not wrong answers'),
  ungraded: z.int(),
  calls: z.int(),
  costUsd: z.number().nullable().describe('null = unknown, never 0'),
  servedModels: z.array(z.string().nullable()),
  simulated: z.boolean(),
  imported: z.boolean(),
});

export function snapshotShape(s: SnapshotSummary): z.infer<typeof snapshotSchema> {
  const { id, suite, release, purpose, startedAt, state, validity, passRate, cases, trials } = s;
  return {
    ...{ id, suite, release, purpose, startedAt, state, validity, passRate, cases, trials },
    fingerprint: s.fingerprint.slice(0, 12),
    validityReasons: s.validityReasons.map((reason) => untrusted(reason, 500)),
    failed: s.failed,
    ungraded: s.ungraded,
    calls: s.calls,
    costUsd: s.costUsd,
    servedModels: [...s.servedModels],
    simulated: s.simulated,
    imported: s.imported === true,
  };
}

const interval = z.array(z.number()).nullable();

const deltaSchema = z.looseObject({
  id: z.string(),
  verdict: z.string(),
  reason: untrustedSchema,
  critical: z.boolean(),
  /** Absent where nothing was compared: added, removed, edited and ungraded cases. */
  baselinePassRate: z.number().optional(),
  candidatePassRate: z.number().optional(),
  delta: z.number().optional(),
  evidence: z.string().nullable().optional().describe('confirmed on fresh trials, or only suspected'),
});

function deltaShape(c: CaseDelta): z.infer<typeof deltaSchema> {
  return {
    id: c.id,
    verdict: c.verdict,
    reason: untrusted(c.reason, 500),
    critical: c.critical,
    ...('delta' in c
      ? {
          baselinePassRate: c.baseline.passRate,
          candidatePassRate: c.candidate.passRate,
          delta: c.delta,
          evidence: c.evidence,
        }
      : {}),
  };
}

export const comparisonSchema = z.looseObject({
  suite: z.string(),
  baseline: z.string(),
  candidate: z.string(),
  verdict: z
    .string()
    .describe('regressed, improved, unchanged, no-regression-found, inconclusive or invalid'),
  reason: untrustedSchema,
  gate: z.string().describe('pass, fail or inconclusive; inconclusive does not pass'),
  passRate: z.looseObject({ baseline: share, candidate: share, delta: share, interval }),
  minimumDetectable: share.describe('smallest drop that it would have seen 4 times in 5'),
  trialsNeeded: z.int().nullable().describe('trials per case that would settle an inconclusive verdict'),
  counts: z.record(z.string(), z.int()).describe('cases by verdict'),
  cases: z.array(deltaSchema).describe('cases that changed, regressed ones first'),
  moreCases: z.int().describe('changed cases that were left out'),
  layersChanged: z.array(z.string()),
  diagnosis: untrustedSchema,
  next: z.string().nullable().describe('the command that a person would run now'),
});

const ORDER: readonly string[] = [
  'regressed',
  'improved',
  'ungraded',
  'edited',
  'removed',
  'added',
  'inconclusive',
];

export function comparisonShape(
  c: Comparison,
  next: string | undefined,
  most: number,
): z.infer<typeof comparisonSchema> {
  const changed = c.cases
    .filter((d) => d.verdict !== 'unchanged')
    .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  return {
    suite: c.suite,
    baseline: c.baseline.id,
    candidate: c.candidate.id,
    verdict: c.verdict,
    reason: untrusted(c.reason, TEXT_LIMIT),
    gate: c.gate.outcome,
    passRate: {
      baseline: c.baseline.passRate,
      candidate: c.candidate.passRate,
      delta: c.overall.delta,
      interval: c.overall.interval === null ? null : [...c.overall.interval],
    },
    minimumDetectable: c.overall.minimumDetectable,
    trialsNeeded: c.overall.trialsNeeded,
    counts: { ...c.counts },
    cases: changed.slice(0, most).map(deltaShape),
    moreCases: Math.max(0, changed.length - most),
    layersChanged: [...c.attribution.layersChanged],
    diagnosis: untrusted(c.attribution.diagnosis, 500),
    next: next ?? null,
  };
}

/** What happened, in our own words and numbers. */
export function comparisonHeadline(c: Comparison): string {
  const { regressed, improved } = c.counts;
  return `verdict ${c.verdict}, gate ${c.gate.outcome}: ${regressed} regressed and ${improved} improved of ${c.cases.length} cases`;
}

/** A suite by its name in the ledger. No file is read for it: the name comes from a model. */
export async function ledgerSuite(store: SnapshotStore, asked: string): Promise<string> {
  const known = await suitesOf(store);
  if (known.includes(asked)) return asked;
  const near = didYouMean(asked, known);
  throw new LastgoodError({
    code: 'SUITE_NOT_FOUND',
    message: `the ledger has no run of a suite ${JSON.stringify(asked)}`,
    hint:
      near === undefined ? `it has ${known.slice(0, 20).join(', ') || 'none'}` : `did you mean "${near}"?`,
  });
}

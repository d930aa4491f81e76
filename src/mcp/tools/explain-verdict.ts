// explain_verdict: why a comparison, or one case of it, has the verdict that it has.

import { z } from 'zod';
import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { CaseDelta, Comparison } from '../../core/index.ts';
import { diffJob } from '../../jobs/compare/diff-job.ts';
import { comparisonText } from '../../report/text/comparison-text.ts';
import { comparisonHeadline, refInput, suiteInput, textLimitInput } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedJson, untrustedSchema } from '../parts/untrusted.ts';

/** What each verdict means, and what it does not. docs/verdicts.md says more. */
const MEANING: Readonly<Record<string, string>> = {
  regressed: 'a drop was shown, beyond what chance explains',
  improved: 'a rise was shown, beyond what chance explains',
  unchanged: 'a drop of more than the margin was ruled out',
  'no-regression-found':
    'neither a change nor its absence was shown, nothing looks worse, and a drop that matters would have been seen',
  inconclusive: 'neither a change nor its absence was shown; it does not pass, and more trials may settle it',
  invalid: 'the snapshots cannot be compared; it does not pass',
  added: 'the baseline does not have the case, so nothing was compared',
  removed: 'the candidate does not have the case, so coverage was lost',
  edited: 'the case was changed between the runs, so nothing was compared',
  ungraded: 'a side has no grade, so nothing was compared',
};

const ruleSchema = z.looseObject({
  rule: z.string(),
  outcome: z.string(),
  value: z.union([z.number(), z.string()]).nullable(),
  limit: z.union([z.number(), z.string()]).nullable(),
  message: untrustedSchema,
});

export const explainVerdict = defineTool({
  name: 'explain_verdict',
  title: 'Explain a verdict',
  description:
    'Why a comparison of two stored snapshots has its verdict: the rule that decided, its numbers, every rule of the gate, what changed in the configuration, what was not compared. With `case`: the same for one case, with an answer of each side.',
  input: z.strictObject({
    baseline: refInput('baseline'),
    candidate: refInput('latest'),
    suite: suiteInput,
    case: z.string().min(1).optional(),
    maxCharacters: textLimitInput,
  }),
  output: z.looseObject({
    baseline: z.string(),
    candidate: z.string(),
    case: z.string().nullable(),
    verdict: z.string(),
    meaning: z.string(),
    reason: untrustedSchema,
    numbers: z.record(z.string(), z.unknown()),
    gate: z.looseObject({ outcome: z.string(), rules: z.array(ruleSchema) }),
    diagnosis: untrustedSchema,
    coverage: untrustedSchema,
    notes: z.array(untrustedSchema),
    example: z
      .looseObject({
        baseline: untrustedSchema,
        candidate: untrustedSchema,
        reasons: z.array(untrustedSchema),
      })
      .nullable()
      .describe('an answer of each side; null where none shows the change'),
    report: untrustedSchema.nullable().describe('the whole report as a person reads it; null with `case`'),
    next: z.string().nullable(),
  }),
  call: async ({ case: caseId, maxCharacters: most, ...input }, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work }) => {
      const { comparison, next } = await diffJob(work, input);
      const delta = caseId === undefined ? null : caseOf(comparison, caseId);
      const { verdict, reason } = delta ?? comparison;
      const example = delta !== null && 'example' in delta ? (delta.example ?? null) : null;
      return {
        headline:
          delta === null ? comparisonHeadline(comparison) : `the case is ${delta.verdict} in this comparison`,
        data: {
          baseline: comparison.baseline.id,
          candidate: comparison.candidate.id,
          case: caseId ?? null,
          verdict,
          meaning: MEANING[verdict] ?? verdict,
          reason: untrusted(reason, most),
          numbers: delta === null ? suiteNumbers(comparison) : caseNumbers(delta),
          gate: {
            outcome: comparison.gate.outcome,
            rules: comparison.gate.rules.map((rule) => ({ ...rule, message: untrusted(rule.message, most) })),
          },
          diagnosis: untrusted(comparison.attribution.diagnosis, most),
          coverage: untrusted(comparison.coverage.sentence, most),
          notes: comparison.notes.map((note) => untrusted(note, most)),
          example:
            example === null
              ? null
              : {
                  baseline: untrusted(example.baseline, most),
                  candidate: untrusted(example.candidate, most),
                  reasons: example.candidateReasons.map((text) => untrusted(text, most)),
                  input: untrustedJson(example.content?.vars, most),
                },
          report: delta === null ? untrusted(comparisonText(comparison), most * 5) : null,
          next: next ?? null,
        },
      };
    }),
});

function caseOf(comparison: Comparison, id: string): CaseDelta {
  const found = comparison.cases.find((c) => c.id === id);
  if (found !== undefined) return found;
  const near = didYouMean(
    id,
    comparison.cases.map((c) => c.id),
  );
  throw new LastgoodError({
    code: 'CASE_NOT_FOUND',
    message: `neither snapshot of the comparison has a case ${JSON.stringify(id)}`,
    ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
  });
}

function suiteNumbers({ overall, baseline, candidate, flips, counts }: Comparison): Record<string, unknown> {
  return {
    ...{ baselinePassRate: baseline.passRate, candidatePassRate: candidate.passRate },
    ...{ delta: overall.delta, interval: overall.interval, confidence: overall.confidence },
    ...{ p: overall.p, pRegression: overall.pRegression, method: overall.method, pairs: overall.pairs },
    ...{ minimumDetectable: overall.minimumDetectable, trialsNeeded: overall.trialsNeeded },
    ...{ flips, counts },
  };
}

function caseNumbers(delta: CaseDelta): Record<string, unknown> {
  if (!('delta' in delta)) return {};
  const { baseline, candidate, delta: change, interval, p, q, evidence, flaky, confirmation } = delta;
  return { baseline, candidate, delta: change, interval, p, q, evidence, flaky, confirmation };
}

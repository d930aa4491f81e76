// The published shape of the JSON that `diff`, `compare` and `check` print. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { LAYER_NAMES } from '../../core/index.ts';
import { betweenRuns, contrasts, interval, metrics, pool, share, words } from './metric-schema.ts';

const hash = z.string().regex(/^[0-9a-f]{12,64}$/);
const counts = z.object({ passed: z.int().min(0), trials: z.int().min(0) });
const verdict = z.enum(['regressed', 'improved', 'unchanged', 'inconclusive']);
const coverageState = z.enum(['added', 'removed', 'edited', 'ungraded']);
const overallVerdict = z.enum([
  'regressed',
  'improved',
  'unchanged',
  'no-regression-found',
  'inconclusive',
  'invalid',
]);
const gateOutcome = z.enum(['pass', 'fail', 'inconclusive']);

const gate = z
  .object({
    outcome: gateOutcome,
    rules: z.array(
      z.object({
        rule: z.string().describe('e.g. `verdict`, `critical:CASE`, `min-pass-rate:tag:TAG`'),
        value: z.union([z.number(), z.string(), z.null()]),
        limit: z.union([z.number(), z.string(), z.null()]),
        outcome: z.enum(['pass', 'fail', 'warn', 'inconclusive']),
        message: z.string(),
        words,
      }),
    ),
  })
  .describe('the policy applied: any failure fails, else any could-not-tell is inconclusive');

const arm = z.object({
  id: z.string(),
  release: z.string(),
  fingerprint: hash,
  exam: z.string(),
  startedAt: z.iso.datetime(),
  validity: z.enum(['valid', 'degraded', 'invalid']),
  validityReasons: z.array(z.string()),
  simulated: z.boolean().describe('answers came from a simulator or a recording'),
  imported: z
    .boolean()
    .optional()
    .describe('true: it came out of an exported file and was not measured by this ledger'),
  passRate: share.nullable().describe('mean pass rate over the compared cases; null = none'),
  meanScore: share.nullable(),
  cases: z.int().min(0),
  trials: z.int().min(0).describe('graded trials among the compared cases'),
  passed: z.int().min(0),
  run: z
    .object({
      passRate: share.nullable(),
      cases: z.int().min(0),
      trials: z.int().min(0),
      passed: z.int().min(0),
    })
    .optional()
    .describe('the whole snapshot, whether its cases could be compared or not'),
  spent: z
    .object({
      calls: z.int().min(0),
      costUsd: z.number().min(0).nullable().describe('US dollars; null = unknown'),
      knownCostUsd: z.number().min(0).optional().describe('where it is unknown: the part that is known'),
      unpricedTrials: z.int().min(1).optional().describe('of how many trials it is unknown'),
      judgeCostUsd: z.number().min(0).nullable().describe('of judge and embedder; null = unknown'),
      knownJudgeCostUsd: z.number().min(0).optional().describe('where it is unknown: the part that is known'),
      unpricedJudgings: z.int().min(1).optional().describe('of how many trials it is unknown'),
      judge: hash.nullable(),
    })
    .optional()
    .describe('what the whole snapshot took; fresh trials for flagged cases are not counted here'),
});

const caseArm = z.object({
  passRate: share,
  score: share,
  passed: z.int().min(0),
  trials: z.int().min(0),
  shrunkRate: share
    .nullable()
    .describe("posterior mean under the suite's prior, fresh trials included, for display"),
});

const caseBase = {
  id: z.string(),
  tags: z.array(z.string()),
  group: z.string().nullable(),
  critical: z.boolean(),
  reason: z.string(),
  words,
};

const pairedCase = z.object({
  ...caseBase,
  verdict,
  evidence: z.enum(['confirmed', 'suspected']).nullable().describe('`confirmed`: on fresh trials'),
  flaky: z.boolean(),
  baseline: caseArm,
  candidate: caseArm,
  delta: z.number().min(-1).max(1).describe('candidate minus baseline pass rate'),
  interval: interval.nullable(),
  p: share.nullable().describe('one-sided, of a drop'),
  q: share.nullable().describe('Benjamini–Hochberg adjusted'),
  confirmation: z.object({ baseline: counts, candidate: counts }).nullable(),
  example: z
    .object({
      trial: z.object({ baseline: z.int(), candidate: z.int() }),
      baseline: z.string(),
      candidate: z.string(),
      candidateReasons: z.array(z.string()),
      content: z
        .object({
          vars: z.record(z.string(), z.json()),
          messages: z.array(z.looseObject({ role: z.string(), content: z.string() })).nullable(),
          expected: z.json().optional(),
          turns: z
            .array(
              z.union([
                z.object({ user: z.string() }),
                z.object({ simulate: z.looseObject({ name: z.string() }), maxTurns: z.int().positive() }),
              ]),
            )
            .optional(),
          tools: z.array(z.looseObject({ name: z.string() })).optional(),
          maxSteps: z.int().positive().optional(),
          params: z.record(z.string(), z.json()).optional(),
        })
        .optional()
        .describe('what the case asks and expects'),
    })
    .optional()
    .describe('one output of each side, for the worst cases; model text, not escaped for any place'),
});
const uncomparedCase = z.object({ ...caseBase, verdict: coverageState });

const flips = z.object({
  passToFail: z.int().min(0),
  failToPass: z.int().min(0),
  bothPass: z.int().min(0),
  bothFail: z.int().min(0),
});

const sliceArm = z.object({ passRate: share, passed: z.int().min(0), trials: z.int().min(0) });
const slice = z.object({
  tag: z.string(),
  cases: z.int().min(0),
  baseline: sliceArm,
  candidate: sliceArm,
  delta: z.number(),
  interval: interval.nullable(),
  verdict,
  reason: z.string(),
  words,
  p: share.nullable(),
  log10p: z.number().max(0).nullable(),
  q: share.nullable().describe('adjusted over suite and slices; null = too small to be tested'),
  flips: flips.nullable(),
});

const missingTrials = z.object({
  planned: z.int().min(0),
  missing: z.int().min(0),
  byReason: z.record(z.string(), z.int()),
});
const servedModels = z.array(z.string().nullable()).describe('null = not disclosed');

const comparisonShape = {
  schemaVersion: z.literal(1),
  kind: z.literal('comparison'),
  suite: z.string(),
  baseline: arm,
  candidate: arm,
  verdict: overallVerdict,
  reason: z.string().describe('the one rule that decided, with its numbers'),
  words,
  overall: z.object({
    delta: z.number().min(-1).max(1).nullable(),
    interval: interval.nullable(),
    confidence: share,
    p: share.nullable().describe('two-sided, of the suite statistic'),
    log10p: z.number().nullable().describe('right also where p underflows to 0'),
    pRegression: share.nullable(),
    pImprovement: share.nullable(),
    drivenBy: z.string().nullable().describe('`suite` or a tag'),
    method: z.string(),
    pairs: z.int().min(0),
    baselineTrialsPerCase: z.number().nullable(),
    candidateTrialsPerCase: z.number().nullable(),
    minimumDetectable: z.number().nullable().describe('smallest uniform change seen four times in five'),
    trialsNeeded: z
      .number()
      .nullable()
      .describe(
        'trials per case that would settle it 4 times in 5: of the candidate where the baseline is stored, else of both; null when settled, or by no number',
      ),
    generalisation: z.object({
      interval: interval.nullable(),
      clusters: z.int().min(0),
      note: z.string().nullable(),
    }),
  }),
  flips,
  counts: z.object({
    regressed: z.int(),
    improved: z.int(),
    unchanged: z.int(),
    inconclusive: z.int(),
    added: z.int(),
    removed: z.int(),
    edited: z.int(),
    ungraded: z.int(),
  }),
  cases: z.array(z.union([pairedCase, uncomparedCase])),
  slices: z.array(slice),
  metrics,
  attribution: z.object({
    layersChanged: z.array(z.enum(LAYER_NAMES)),
    servedModelChanged: z.boolean(),
    servedModels: z.object({ baseline: servedModels, candidate: servedModels }),
    systemFingerprintChanged: z.boolean(),
    examChanged: z.array(z.string()),
    diagnosis: z.string(),
  }),
  contrasts: contrasts.optional(),
  cause: z
    .enum(['change', 'world', 'both', 'neither'])
    .nullable()
    .optional()
    .describe('which side caused it; null = unknown, or no control was possible'),
  betweenRuns: betweenRuns.optional().describe('noise between runs; null = the arms were run together'),
  pool: pool.optional().describe('absent where the arms were run together'),
  coverage: z.object({
    paired: z.int().min(0),
    added: z.array(z.string()),
    removed: z.array(z.string()),
    edited: z.array(z.string()),
    ungraded: z.array(z.string()),
    missing: z.object({ baseline: missingTrials, candidate: missingTrials }),
    sentence: z.string(),
  }),
  gate,
  engine: z.object({
    seed: z.int().min(0),
    replicates: z.int(),
    margin: z.number(),
    alphaAggregate: z.number(),
    alphaCase: z.number(),
    alphaList: z.number(),
    tier: z.string(),
    callsSpent: z.int().min(0),
  }),
  multiplicity: z
    .object({
      role: z.enum(['first', 'continued', 'repetition']),
      continues: z.string().nullable().describe('candidate snapshot of the comparison this one continues'),
      rungs: z.array(
        z.object({
          tier: z.string(),
          trials: z.int().min(1).describe('per case and arm'),
          alphaAggregate: z.number(),
          alphaCase: z.number(),
          confidence: share,
          pRegression: share.nullable(),
          delta: z.number().nullable(),
          interval: interval.nullable(),
          verdict: overallVerdict,
          suspects: z.array(z.string()),
          fresh: z.object({ baseline: z.string().nullable(), candidate: z.string() }).nullable(),
        }),
      ),
      earlier: z.array(
        z.object({
          baseline: z.string(),
          candidate: z.string(),
          at: z.iso.datetime(),
          tier: z.string(),
          trials: z.int().min(1),
          verdict: overallVerdict,
          green: z.boolean(),
          spent: z.number(),
        }),
      ),
      spent: z.number().describe('rate of false alarms this comparison may have spent'),
      spentTogether: z.number().describe('with all earlier ones of the pair'),
      limit: z.number(),
      sentence: z.string(),
    })
    .optional()
    .describe('how often these releases were compared under this exam; absent where nothing was run'),
  notes: z.array(z.string()),
};

/** What `diff --json` prints. */
export const comparisonSchema = z.object(comparisonShape);

const statuses = [
  'first-run',
  'nothing-to-check',
  'not-evaluated',
  'no-baseline',
  'failed',
  'interrupted',
] as const;
const checkVerdict = z
  .enum([...overallVerdict.options, ...statuses])
  .describe("the comparison's verdict where there is one, else how far the check got");
const exitCode = z.union([z.literal(0), z.literal(1), z.literal(3), z.literal(4), z.literal(130)]);
const place = z.object({ file: z.string(), line: z.int().min(1) });

const suiteCheck = z.object({
  suite: z.string(),
  place: place.describe('the suite file, from the root of the repository'),
  status: z.enum(['compared', ...statuses]),
  verdict: checkVerdict,
  reason: z.string(),
  words,
  gate: gateOutcome,
  exitCode,
  scope: z.object({
    mode: z.enum(['all', 'some', 'none']),
    base: z.string().nullable().describe('commit compared with; null without --changed'),
    why: z.string(),
    cases: z.int().min(0),
    affected: z.int().min(0),
    removed: z.array(z.string()),
  }),
  exam: z
    .object({
      from: z.enum(['base', 'head']).describe('the merge base, or the branch itself'),
      commit: z.string().nullable().describe('40 hex digits; null outside of git'),
      why: z.string(),
      added: z.array(z.string()).describe('cases the merge base does not have; not part of the verdict'),
      edited: z.array(z.string()).describe('cases the merge base has otherwise; not part of the verdict'),
      removed: z.array(z.string()),
      removedCritical: z.array(z.string()).describe('any of them: the check cannot be green'),
      changes: z
        .array(z.object({ what: z.string(), weaker: z.boolean() }))
        .describe('rules, graders and settings that the branch changes'),
      snapshot: z.string().nullable().describe('snapshot of the added and edited cases'),
    })
    .optional()
    .describe('whose exam decided'),
  baseline: z
    .object({
      snapshot: z.string(),
      source: z.enum(['against', 'blessed', 'file']),
      file: z.string().nullable(),
      pooled: z.int().min(0),
      leftOut: z
        .array(z.object({ snapshot: z.string(), reason: z.string() }))
        .optional()
        .describe('runs of the same fingerprint that are not pooled'),
    })
    .nullable(),
  candidate: z.string().nullable().describe('snapshot of this run'),
  confirmation: z.string().nullable().describe('snapshot of the fresh trials'),
  estimate: z
    .object({
      calls: z.int().min(0),
      callsLeast: z.int().min(0).optional().describe('when the first tier of a ladder decides'),
      confirmationCalls: z.int().min(0),
      costUpperUsd: z.number().nullable().describe('null = unknown'),
    })
    .nullable(),
  calls: z.int().min(0),
  costUsd: z.number().nullable().describe('null = unknown'),
  offline: z
    .object({
      missing: z.string(),
      cases: z.int().min(0),
      answers: z.int().min(0),
      removed: z.int().min(0).describe('answers that are not in the ledger'),
      passed: z.int().min(0),
      needExaminer: z.int().min(0),
      changed: z.array(z.object({ case: z.string(), before: z.boolean(), now: z.boolean() })),
      broken: z.array(z.object({ case: z.string(), reason: z.string() })),
    })
    .nullable(),
  firstRun: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['added', 'edited']).optional(),
      critical: z.boolean().optional().describe('never green on its first run'),
      passed: z.int().min(0),
      trials: z.int().min(0),
      floor: share,
      outcome: gateOutcome,
    }),
  ),
  comparison: comparisonSchema.nullable(),
  places: z.record(z.string(), place),
  next: z.string().nullable().describe('command to run next'),
  again: z.string().optional().describe('the check again, also where the ledger of this run is gone'),
});

/** What `check --json` prints. With one compared suite the fields of its comparison stand at the top level too. */
export const checkSchema = z.object({
  ...z.object(comparisonShape).partial().shape,
  schemaVersion: z.literal(1),
  kind: z.literal('check'),
  verdict: checkVerdict.describe('the worst of the suites'),
  reason: z.string(),
  words,
  gate,
  exitCode,
  suites: z.array(suiteCheck),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});

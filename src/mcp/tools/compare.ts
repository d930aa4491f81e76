// compare: what changed between two stored snapshots.

import { z } from 'zod';
import { diffJob } from '../../jobs/compare/diff-job.ts';
import {
  comparisonHeadline,
  comparisonSchema,
  comparisonShape,
  refInput,
  suiteInput,
} from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';

export const compare = defineTool({
  name: 'compare',
  title: 'Compare two snapshots',
  description:
    'What changed between two stored snapshots, case by case, with a verdict and the gate. No model is called. Only `unchanged`, `improved` and `no-regression-found` with gate `pass` are good news; `inconclusive` is not.',
  input: z.strictObject({
    baseline: refInput('baseline'),
    candidate: refInput('latest'),
    suite: suiteInput,
    limit: z.int().min(1).max(500).default(20).describe('at most so many changed cases'),
  }),
  output: z.looseObject({ comparison: comparisonSchema }),
  call: async ({ limit, ...input }, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work }) => {
      const { comparison, next } = await diffJob(work, input);
      return {
        headline: comparisonHeadline(comparison),
        data: { comparison: comparisonShape(comparison, next, limit) },
      };
    }),
});

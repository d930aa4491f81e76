// list_snapshots: what is in the ledger.

import { z } from 'zod';
import { ledgerSuite, snapshotSchema, snapshotShape, suiteInput } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';

export const listSnapshots = defineTool({
  name: 'list_snapshots',
  title: 'List snapshots',
  description:
    'The stored runs of suites, newest first: release, validity, pass rate and cost. `baseline: true` marks the one that later runs are compared with.',
  input: z.strictObject({
    suite: suiteInput,
    limit: z.int().min(1).max(200).default(20),
    all: z.boolean().default(false).describe('also verification, comparison and confirmation runs'),
  }),
  output: z.looseObject({
    snapshots: z.array(snapshotSchema.extend({ baseline: z.boolean() })),
    more: z.boolean().describe('there are older ones'),
  }),
  call: async ({ suite: asked, limit, all }, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work: { store } }) => {
      const suite = asked === undefined ? undefined : await ledgerSuite(store, asked);
      const found = await store.list({
        suite,
        limit: limit + 1,
        ...(all ? {} : { purposes: ['run'] as const }),
      });
      const newest = new Map((await store.blessings(suite)).map((b) => [b.suite, b.snapshot]));
      const snapshots = found
        .slice(0, limit)
        .map((s) => ({ ...snapshotShape(s), baseline: newest.get(s.suite) === s.id }));
      return {
        headline: `${snapshots.length} snapshots${found.length > limit ? ', and there are more' : ''}`,
        data: { snapshots, more: found.length > limit },
      };
    }),
});

// What a suite file looks like.

import { z } from 'zod';
import { policySchema } from '../core/policy-schema.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** The keys `map` understands beside `vars.<name>` and `meta.<name>`. */
export const MAP_KEYS = ['id', 'messages', 'vars', 'expected', 'tags', 'group', 'meta', 'critical'] as const;

/** A file of cases whose rows have another shape. */
export const fileEntrySchema = z.strictObject({
  file: z.string().min(1).describe('a file or glob, relative to the suite file'),
  map: z
    .record(z.string(), z.string().min(1))
    .optional()
    .describe('field of a case (id, messages, vars, vars.<name>, …) to the dotted path of it in the row'),
  where: z
    .record(z.string(), z.union([scalar, z.array(scalar).min(1)]))
    .optional()
    .describe('keep the rows whose value at this dotted path is this, or one of these'),
});
export type FileEntry = z.output<typeof fileEntrySchema>;

export const suiteFileSchema = z.strictObject({
  $schema: z.string().optional().describe('for editors'),
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'a name of letters, digits, dots, hyphens and underscores, e.g. support-triage',
    )
    .describe('name of the suite; its snapshots and its baseline are found by it'),
  description: z.string().optional(),
  trials: z.number().int().min(1).optional().describe('independent calls per case (default 1)'),
  cases: z
    .union([z.string().min(1), z.array(z.unknown()).min(1)])
    .describe('files and globs relative to this file, inline cases, or { file, map, where }'),
  defaults: z
    .strictObject({
      grade: z.array(z.unknown()).optional().describe('graders of every case'),
      tags: z.array(z.string().min(1)).optional().describe('tags of every case'),
    })
    .optional(),
  policy: policySchema.optional().describe('when a comparison passes the gate'),
  judge: z
    .union([
      z.string().min(1),
      z.strictObject({
        release: z.string().min(1).describe('release file'),
        votes: z
          .number()
          .int()
          .min(1)
          .optional()
          .describe('independent calls per question; the majority counts (default 1)'),
      }),
    ])
    .optional()
    .describe('release file of the model that answers `ask` criteria and `judge` graders'),
  panel: z
    .array(z.string().min(1))
    .min(2)
    .optional()
    .describe('release files of several judges instead of one; the majority of their votes counts'),
  embedder: z
    .string()
    .min(1)
    .optional()
    .describe('release file of the route that makes embeddings for `similar` and for the embedding channel'),
});
export type SuiteFile = z.output<typeof suiteFileSchema>;

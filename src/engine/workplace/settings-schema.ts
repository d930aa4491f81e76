// What `lastgood.yaml` may say. Loaded only where there is such a file.

import { z } from 'zod';
import { STORE_MODES } from './privacy.ts';

/** One rule that takes something out of prompts and answers. */
export const redactRuleSchema = z.union([
  z.strictObject({
    pattern: z.string().min(1).describe('regular expression; every match is replaced'),
    flags: z.string().optional(),
    with: z.string().optional().describe('what stands instead (default [redacted])'),
  }),
  z.strictObject({
    'json-path': z
      .string()
      .min(1)
      // In another notation a rule would meet nothing, and take nothing out.
      .regex(/^(\$\.)?[^.[\]]+(\.[^.[\]]+)*$/, 'a dotted path such as customer.email or items.*.name')
      .describe('dotted path, `*` for any key or index, e.g. customer.email or items.*.name'),
    with: z.string().optional(),
  }),
  z.strictObject({ module: z.string().describe('module whose default export maps a text to a text') }),
]);
/** The settings file. */
export const settingsSchema = z.strictObject({
  db: z.string().optional().describe('the ledger (default snapshots/lastgood.db)'),
  suite: z.string().optional().describe('default suite'),
  release: z.string().optional().describe('default release'),
  concurrency: z.number().int().positive().optional().describe('calls in flight at once (default 8)'),
  prices: z.string().optional().describe('price file: US dollars per million tokens and model'),
  redact: z
    .array(redactRuleSchema)
    .optional()
    .describe('what is taken out of prompts and answers before anything is judged or written'),
  store: z.enum(STORE_MODES).optional().describe('how much text is kept (default all)'),
  notify: z
    .strictObject({
      webhook: z
        .union([z.string(), z.strictObject({ env: z.string() })])
        .optional()
        .describe(
          'where alerts are posted; the address is a secret, so name the environment variable that holds it',
        ),
    })
    .optional(),
});

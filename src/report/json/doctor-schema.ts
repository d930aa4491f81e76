// The published shape of the JSON that `doctor` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { FEATURES } from '../../core/doctor.ts';

const text = z.string().nullable().describe('null = the reply does not say');

const probe = z.object({
  release: z.string(),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  provider: z.string(),
  api: z.enum(['responses', 'chat', 'messages']),
  model: z.string(),
  pin: z.object({ state: z.enum(['pinned', 'floating', 'unknown']), reason: z.string() }),
  calls: z.int().min(0),
  costUsd: z.number().nullable().describe('US dollars for these calls; null = unknown'),
  priceKeys: z
    .array(z.string())
    .describe('under which a price file may have the price; the first that it has counts'),
  features: z.array(
    z.object({
      feature: z.enum(FEATURES),
      state: z.enum(['yes', 'no', 'unknown']).describe('no: refused, or taken and not kept to'),
      detail: z.string(),
    }),
  ),
  params: z.object({
    sent: z.array(z.object({ name: z.string(), as: z.string().describe('name in the request body') })),
    dropped: z.array(z.string()).describe('refused by the server, and left out'),
  }),
  served: z.object({ model: text, systemFingerprint: text, serviceTier: text, region: text }),
  unknown: z.array(z.string()).describe('what snapshots will record as unknown'),
});

/** What `doctor --json` prints. */
export const doctorSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('doctor'),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'warn', 'bad']),
      message: z.string(),
      hint: z.string().optional(),
    }),
  ),
  probe: probe.nullable().describe('null = no call was made or answered'),
});

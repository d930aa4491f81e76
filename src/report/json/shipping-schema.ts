// The published shape of the JSON that `registry list` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { LAYER_NAMES } from '../../core/index.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const share = z.number().min(0).max(1);
const layers = z.enum(LAYER_NAMES);
const signature = { at: z.iso.datetime(), by: z.string(), why: z.string() };
const place = { feature: z.string(), environment: z.string() };
const release = { release: z.string(), fingerprint: hash };

export const pointer = z.object({
  ...place,
  ...release,
  ...signature,
  no: z.int().min(1).describe('place in the log'),
  layerHashes: z.partialRecord(layers, hash),
  provider: z.string(),
  model: z.string().nullable().describe('null = the route names none'),
  suite: z.string(),
  snapshot: z.string().nullable().describe('newest valid snapshot when it was set; null = there was none'),
  overrode: z.array(z.string()).describe('refusals that were overridden, with the reason given'),
  restored: z.boolean(),
});

export const quality = z.object({
  snapshot: z.string(),
  at: z.iso.datetime(),
  passRate: share.nullable(),
  simulated: z.boolean(),
  against: z
    .object({
      what: z.enum(['same release', 'release before']),
      snapshot: z.string(),
      at: z.iso.datetime(),
      passRate: share.nullable(),
      delta: z.number().min(-1).max(1).nullable().describe('null = other cases or another exam; not tested'),
    })
    .nullable(),
  direction: z.enum(['higher', 'lower', 'equal', 'unknown']),
});

/** One decision in the log of shipping. */
export const change = z.object({
  ...signature,
  no: z.int().min(1).describe('place in the log'),
  kind: z.enum(['pointer', 'deprecation', 'flag', 'flag-test', 'stop']),
  feature: z.string().describe('`*` = every feature'),
  environment: z.string(),
  name: z.string().describe('a flag, a fingerprint, an agent, or empty'),
  body: z.record(z.string(), z.json()),
});

export const registrySchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('registry'),
  at: z.iso.datetime(),
  entries: z.array(
    z.object({
      ...place,
      current: pointer,
      candidate: pointer.nullable().describe('gets the share `ai.rollout.percent` of the traffic'),
      before: z
        .object({
          ...release,
          layersChanged: z.array(layers),
          verdict: z
            .string()
            .nullable()
            .describe('of the newest comparison of the two; null = never compared'),
        })
        .nullable(),
      quality: quality.nullable().describe('null = never measured by a valid run'),
      withdrawn: z.string().nullable().describe('why; null = it was not'),
      deprecated: z.array(
        z.object({
          ...place,
          ...release,
          ...signature,
          until: z.iso.datetime(),
          message: z.string(),
          state: z.enum(['reachable', 'ended']),
        }),
      ),
    }),
  ),
  changes: z
    .array(change)
    .optional()
    .describe('under /api: every change of a pointer or deprecation, oldest first'),
});

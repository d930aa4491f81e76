// What a price file may say.

import { z } from 'zod';

const usdPerMillion = z.number().nonnegative();

const price = {
  input: usdPerMillion,
  output: usdPerMillion,
  'cached-input': usdPerMillion.optional(),
  'cache-write': usdPerMillion.optional(),
  'cache-write-1h': usdPerMillion.optional(),
};

/** A price file: US dollars per million tokens by model id (a trailing `*` matches a prefix). */
export const pricesSchema = z.strictObject({
  'as-of': z.iso.date('a date like 2026-11-01').describe('date the prices were checked, ISO'),
  models: z.record(
    z.string(),
    z.strictObject({
      ...price,
      tiers: z
        .record(z.string(), z.strictObject(price))
        .optional()
        .describe('prices by the service tier that the reply names, e.g. flex, priority or batch'),
    }),
  ),
});

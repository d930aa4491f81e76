// What `params` of a release or a case may say. Apart from what is done with them: a run that is resumed reads no file, and needs no zod.

import { z } from 'zod';

const bag = z.record(z.string(), z.unknown());

export const paramsSchema = z.strictObject({
  temperature: z.number().min(0).optional(),
  'top-p': z.number().min(0).max(1).optional(),
  'top-k': z.number().int().min(1).optional(),
  'max-output-tokens': z.number().int().min(1).optional(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  seed: z.number().int().optional(),
  'reasoning-effort': z.string().min(1).optional(),
  reasoning: bag
    .optional()
    .describe('{ effort, summary } as OpenAI has them; `effort` goes to every API that has it'),
  thinking: bag
    .optional()
    .describe("Anthropic's thinking, e.g. { type: enabled, budget_tokens: 2048 }; sent as it is"),
  verbosity: z.string().min(1).optional(),
  'frequency-penalty': z.number().optional(),
  'presence-penalty': z.number().optional(),
  'parallel-tool-calls': z.boolean().optional(),
  'service-tier': z.string().min(1).optional(),
  dimensions: z.number().int().min(1).optional().describe('length of embedding vectors'),
  'provider-options': bag
    .optional()
    .describe("fields of the provider's own API, added to the request as they are"),
});

export type ParamFields = z.output<typeof paramsSchema>;

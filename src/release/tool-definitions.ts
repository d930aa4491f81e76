// Tool definitions in the shapes people already have, brought to ours.

import { z } from 'zod';
import { type Checked, checkShape, type Spot } from '../core/document-check.ts';
import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';

const schema = z.record(z.string(), z.unknown());
const common = {
  name: z.string().min(1),
  description: z.string().optional(),
  strict: z.boolean().optional(),
};

const plain = z.strictObject({ ...common, parameters: schema.optional() });
const openaiChat = z.strictObject({ type: z.literal('function'), function: plain });
const openaiResponses = z.strictObject({
  type: z.literal('function'),
  ...common,
  parameters: schema.optional(),
});
const anthropic = z.strictObject({ type: z.literal('custom').optional(), ...common, input_schema: schema });

/** `{name, description, parameters}`, also from OpenAI's `{type: function, …}` (nested or flat) and Anthropic's `input_schema`. */
export function readTool(raw: unknown, spot: Spot): Checked<JsonObject> {
  const shape = !isJsonObject(raw)
    ? plain
    : 'function' in raw
      ? openaiChat
      : 'input_schema' in raw
        ? anthropic
        : 'type' in raw
          ? openaiResponses
          : plain;
  const checked = checkShape(shape as z.ZodType<Record<string, unknown>>, raw, spot);
  if (!checked.ok) return checked;
  const tool = ('function' in checked.value ? checked.value['function'] : checked.value) as JsonObject;
  const { name, description, strict } = tool;
  const parameters = tool['parameters'] ?? tool['input_schema'];
  return {
    ok: true,
    value: {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

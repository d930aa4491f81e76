// Tool definitions in the shapes people already have, brought to ours.

import { z } from 'zod';
import { type Checked, checkShape, type Spot } from '../base/document-check.ts';
import type { JsonObject } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';

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

const hosted = z.looseObject({ type: z.string().min(1) });

/** A tool that the service runs itself has a type of its own and no schema of arguments. */
function isHosted(raw: unknown): boolean {
  if (!isJsonObject(raw) || typeof raw['type'] !== 'string' || raw['type'] === 'function') return false;
  return !['function', 'parameters', 'input_schema'].some((key) => key in raw);
}

/** The name of a tool; hosted tools often have none but their type. */
export function toolName(tool: JsonObject): string {
  const own = tool['name'] ?? tool['type'];
  const server = tool['server_label'] ?? tool['mcp_server_name'];
  return typeof server === 'string' ? `${String(own)} ${server}` : String(own);
}

/** `{name, description, parameters}`, also from OpenAI's `{type: function, …}` (nested or flat) and Anthropic's `input_schema`. Hosted tools stay as they are. */
export function readTool(raw: unknown, spot: Spot): Checked<JsonObject> {
  if (isHosted(raw)) return checkShape(hosted, raw, spot) as Checked<JsonObject>;
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

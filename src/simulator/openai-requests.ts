// OpenAI request bodies (Responses, Chat Completions) → one kind of request. Turns down what the real service turns down.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import {
  contentText,
  number,
  type OfferedTool,
  type OutputDemand,
  objects,
  type Turn,
  text,
  turnTexts,
} from './asked-request.ts';
import { type Happening, type LoopState, loopState } from './history.ts';
import { type ReadRequest, type Rejection, strictSchemaProblem, unknownKeys } from './wire.ts';

// Request keys as of the openai SDK 7.55.
const RESPONSES_KEYS = new Set(
  `background context_management conversation include input instructions max_output_tokens max_tool_calls metadata model
  moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention
  reasoning safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p
  truncation user access_programs`.split(/\s+/),
);
const CHAT_KEYS = new Set(
  `messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata
  modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options
  prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options
  temperature tool_choice tools top_logprobs top_p user verbosity web_search_options`.split(/\s+/),
);

/** Reads a `POST /v1/responses` body. */
export function readResponses(body: JsonObject): ReadRequest {
  const turns: Turn[] = [];
  if (text(body['instructions'])) turns.push({ role: 'system', text: text(body['instructions']) ?? '' });
  const happenings: Happening[] = [];
  const say = (role: string, said: string): void => {
    turns.push({ role, text: said });
    if (role === 'user') happenings.push({ kind: 'user', text: said });
  };
  if (typeof body['input'] === 'string') say('user', body['input']);
  for (const item of objects(body['input'])) {
    if (item['type'] === 'function_call_output') happenings.push({ kind: 'result' });
    else if (item['type'] === 'function_call')
      happenings.push({ kind: 'call', id: text(item['call_id']) ?? '' });
    else if (item['role'] !== undefined) say(String(item['role']), contentText(item['content']));
  }
  if (body['input'] === undefined) return reject(missing('input'));
  const tools = objects(body['tools']).flatMap((tool) => offered(tool));
  const format = isJsonObject(body['text']) ? body['text']['format'] : undefined;
  const demand = outputDemand(format, isJsonObject(format) ? format : undefined, 'text.format');
  return read('responses', body, RESPONSES_KEYS, turns, tools, demand, {
    loop: loopState(happenings),
    maxOutputTokens: number(body['max_output_tokens']),
    stop: [],
    choices: 1,
  });
}

/** Reads a `POST /v1/chat/completions` body. */
export function readChat(body: JsonObject): ReadRequest {
  if (!Array.isArray(body['messages']) || body['messages'].length === 0) return reject(missing('messages'));
  const messages = objects(body['messages']);
  const turns = messages.map((m) => ({ role: String(m['role']), text: contentText(m['content']) }));
  const tools = objects(body['tools']).flatMap((tool) =>
    isJsonObject(tool['function']) ? offered(tool['function']) : [],
  );
  const format = body['response_format'];
  const spec =
    isJsonObject(format) && isJsonObject(format['json_schema']) ? format['json_schema'] : undefined;
  const demand = outputDemand(format, spec, 'response_format');
  const stop = body['stop'];
  return read('chat', body, CHAT_KEYS, turns, tools, demand, {
    loop: loopState(messages.flatMap(chatHappenings)),
    maxOutputTokens: number(body['max_completion_tokens']) ?? number(body['max_tokens']),
    stop:
      typeof stop === 'string'
        ? [stop]
        : Array.isArray(stop)
          ? (stop as readonly JsonValue[]).map(String)
          : [],
    choices: Math.min(8, Math.max(1, number(body['n']) ?? 1)),
  });
}

function chatHappenings(message: JsonObject): Happening[] {
  if (message['role'] === 'user') return [{ kind: 'user', text: contentText(message['content']) }];
  if (message['role'] === 'tool') return [{ kind: 'result' }];
  return objects(message['tool_calls']).map((call) => ({ kind: 'call', id: text(call['id']) ?? '' }));
}

interface OwnParts {
  readonly loop: LoopState;
  readonly maxOutputTokens: number | undefined;
  readonly stop: readonly string[];
  readonly choices: number;
}

function read(
  wire: 'responses' | 'chat',
  body: JsonObject,
  known: ReadonlySet<string>,
  turns: readonly Turn[],
  tools: readonly OfferedTool[],
  demand: OutputDemand | Rejection | null,
  own: OwnParts,
): ReadRequest {
  const model = text(body['model']);
  if (model === undefined || model === '') {
    return reject({ status: 400, message: 'you must provide a model parameter' });
  }
  const [stranger] = unknownKeys(body, known);
  if (stranger !== undefined) {
    return reject({
      status: 400,
      message: `Unknown parameter: '${stranger}'.`,
      param: stranger,
      code: 'unknown_parameter',
    });
  }
  if (body['stream'] === true) {
    return reject({
      status: 400,
      message: 'Streaming is not supported by this simulator.',
      param: 'stream',
      code: 'unsupported_value',
    });
  }
  if (demand !== null && 'status' in demand) return reject(demand);
  const range = outOfRange(body);
  if (range !== null) return reject(range);
  const choice = body['tool_choice'];
  return {
    asked: {
      wire,
      model,
      ...turnTexts(turns),
      tools,
      toolsAllowed: choice !== 'none',
      temperature: number(body['temperature']),
      outputSchema: demand ?? forcedTool(choice, tools),
      body,
      ...own,
    },
  };
}

function reject(rejection: Rejection): ReadRequest {
  return { rejection };
}

function missing(param: string): Rejection {
  return {
    status: 400,
    message: `Missing required parameter: '${param}'.`,
    param,
    code: 'missing_required_parameter',
  };
}

function offered(tool: JsonObject): OfferedTool[] {
  const name = text(tool['name']);
  if (name === undefined) return [];
  return [{ name, schema: isJsonObject(tool['parameters']) ? tool['parameters'] : null }];
}

/** A tool the model has no choice but to call. */
function forcedTool(choice: JsonValue | undefined, tools: readonly OfferedTool[]): OutputDemand | null {
  let name: string | undefined;
  if (choice === 'required' && tools.length === 1) name = tools[0]?.name;
  if (isJsonObject(choice) && choice['type'] === 'function') {
    name =
      text(choice['name']) ??
      (isJsonObject(choice['function']) ? text(choice['function']['name']) : undefined);
  }
  const tool = tools.find((t) => t.name === name);
  return tool === undefined
    ? null
    : { channel: 'tool', tool: tool.name, schema: tool.schema ?? { type: 'object' } };
}

function outputDemand(
  format: JsonValue | undefined,
  spec: JsonObject | undefined,
  param: string,
): OutputDemand | Rejection | null {
  if (!isJsonObject(format) || format['type'] !== 'json_schema') return null;
  const name = text(spec?.['name']);
  if (name === undefined)
    return missing(param === 'text.format' ? 'text.format.name' : 'response_format.json_schema.name');
  if (!/^[\w-]{1,64}$/.test(name)) {
    return {
      status: 400,
      message: `Invalid '${param}.name': expected a string of letters, digits, underscores and dashes.`,
      param: `${param}.name`,
      code: 'invalid_value',
    };
  }
  const schema = spec?.['schema'];
  if (!isJsonObject(schema)) return missing(`${param}.schema`);
  const problem = spec?.['strict'] === true ? strictSchemaProblem(schema, true) : null;
  if (problem !== null) {
    const context = `In context=(${problem.path.map((p) => `'${p}'`).join(', ')})`;
    const what =
      problem.problem === 'open'
        ? "'additionalProperties' is required to be supplied and to be false."
        : `'required' is required to be supplied and to be an array including every key in properties. Missing '${problem.missing}'.`;
    return {
      status: 400,
      message: `Invalid schema for response_format '${name}': ${context}, ${what}`,
      param: `${param}.schema`,
      code: 'invalid_json_schema',
    };
  }
  return { channel: 'text', schema };
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  temperature: [0, 2],
  top_p: [0, 1],
  presence_penalty: [-2, 2],
  frequency_penalty: [-2, 2],
};

function outOfRange(body: JsonObject): Rejection | null {
  for (const [param, [low, high]] of Object.entries(RANGES)) {
    const value = number(body[param]);
    if (value === undefined || (value >= low && value <= high)) continue;
    const [word, limit] = value < low ? ['above minimum', low] : ['below maximum', high];
    const side = value < low ? 'greater' : 'less';
    return {
      status: 400,
      message: `Invalid '${param}': decimal ${word} value. Expected a value ${side} than or equal to ${limit}, but got ${value} instead.`,
      param,
      code: value < low ? 'decimal_below_min_value' : 'decimal_above_max_value',
    };
  }
  return null;
}

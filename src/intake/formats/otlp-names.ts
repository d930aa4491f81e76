// Names of span attributes and events that the conventions of OpenTelemetry, OpenInference, OpenLLMetry and Vercel give to model calls.

import type { JsonValue } from '../../base/json.ts';
import { isJsonObject } from '../../base/json.ts';
import type { Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';

/**
 * What the reader takes, and what says nothing that a case or a recording could hold: the provider, the parameters of the call, the
 * connection, the library that traced it. Any other name is the user's own, or that of a convention that the reader does not know.
 */
const KNOWN = new RegExp(
  `^(?:${[
    // GenAI, old and new names.
    String.raw`gen_ai\.(?:operation\.name|provider\.name|system|conversation\.id|token\.type|output\.type)`,
    String.raw`gen_ai\.(?:system_instructions|(?:input|output)\.messages|tool\.definitions)`,
    String.raw`gen_ai\.request\.(?:model|temperature|top_p|top_k|max_tokens|stop_sequences|seed|choice\.count|stream|encoding_formats|frequency_penalty|presence_penalty)`,
    String.raw`gen_ai\.response\.(?:model|id|finish_reasons|time_to_first_chunk)`,
    String.raw`gen_ai\.usage\.(?:(?:input|output|prompt|completion|total)_tokens|cost|reasoning\.output_tokens|cache_(?:read|write|creation)\.input_tokens)`,
    String.raw`gen_ai\.(?:prompt|completion)\.\d{1,4}\.(?:role|content|name|finish_reason|tool_call_id|tool_calls\.\d{1,3}\.(?:id|name|arguments))`,
    String.raw`gen_ai\.(?:agent\.(?:id|name|description|version)|data_source\.id)`,
    String.raw`(?:openai|azure|aws\.bedrock)\.[a-z_.]+`,
    // OpenInference.
    String.raw`openinference\.span\.kind|session\.id|input\.(?:value|mime_type)|output\.(?:value|mime_type)`,
    String.raw`llm\.(?:model_name|provider|system|invocation_parameters|finish_reason|cost\.[a-z_.]+|token_count\.[a-z_.]+)`,
    String.raw`llm\.(?:input|output)_messages\.\d{1,4}\.(?:message\.)?(?:role|content|name|tool_call_id|finish_reason|tool_calls\.\d{1,3}\.(?:tool_call\.)?(?:id|name|arguments|function\.name|function\.arguments)|contents\.\d{1,3}\.(?:message_content\.)?(?:type|text))`,
    String.raw`llm\.tools\.\d{1,4}\.tool\.json_schema`,
    // OpenLLMetry.
    String.raw`llm\.(?:request\.(?:type|model_name)|response\.model_name|is_streaming|headers|usage\.total_tokens)`,
    String.raw`traceloop\.(?:span\.kind|workflow\.name|entity\.(?:name|path))`,
    // Vercel.
    String.raw`operation\.name|resource\.name|ai\.(?:operationId|prompt(?:\.(?:messages|format|tools|toolChoice))?)`,
    String.raw`ai\.(?:model\.(?:id|provider)|usage\.[A-Za-z]+|settings\.[A-Za-z]+)`,
    String.raw`ai\.response\.(?:text|toolCalls|finishReason|id|model|timestamp|msToFirstChunk|msToFinish|avgOutputTokensPerSecond|providerMetadata)`,
    // What every span may have.
    String.raw`(?:server|client|network|net|http|url|user_agent|rpc|otel|telemetry|service|code|thread|process|host)\.[a-z_.]+|error\.type`,
  ].join('|')})$`,
);

const KNOWN_EVENTS =
  /^(?:gen_ai\.(?:(?:system|user|assistant|tool)\.message|choice|evaluation\.result)|exception)$/;
const KNOWN_OF_EVENT =
  /^(?:role|content|tool_calls|message|finish_reason|index|id|name|gen_ai\.(?:system|provider\.name|evaluation\.[a-z_.]+)|exception\.[a-z_]+)$/;

/** Names that were looked up before: traces repeat them, and the expression is long. */
const seen = new Map<string, boolean>();
const MOST_SEEN = 10_000;

function isKnown(name: string): boolean {
  let known = seen.get(name);
  if (known === undefined) {
    known = name.length <= 300 && KNOWN.test(name);
    if (seen.size >= MOST_SEEN) seen.clear();
    seen.set(name, known);
  }
  return known;
}

/** Reports attributes and events of a model call that the reader does not know. */
export function reportUnknown(
  names: Iterable<string>,
  events: JsonValue | undefined,
  { losses, place }: { readonly losses: Losses; readonly place: Place },
): void {
  const unknown = (what: string, name: string): void =>
    losses.dropped(`${what} ${JSON.stringify(name.slice(0, 80))}`, 'unknown key', place);
  for (const name of names) if (!isKnown(name)) unknown('attribute', name);
  if (!Array.isArray(events)) return;
  for (const event of events as readonly JsonValue[]) {
    if (!isJsonObject(event)) continue;
    const name = String(event['name'] ?? '');
    if (!KNOWN_EVENTS.test(name)) unknown('event', name);
    else if (Array.isArray(event['attributes']))
      for (const attribute of event['attributes'] as readonly JsonValue[])
        if (isJsonObject(attribute) && !KNOWN_OF_EVENT.test(String(attribute['key'])))
          unknown(`attribute of event "${name}"`, String(attribute['key']));
  }
}

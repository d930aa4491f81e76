// A stored production answer as a case: what was asked, who answered it how, and what became of that.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { StoredObservation } from '../../core/observation.ts';
import { label } from '../parts/case-id.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import { type Losses, quoted } from '../parts/losses.ts';
import { readMessages, replyOf } from '../parts/messages.ts';

interface Site {
  readonly losses: Losses;
  readonly place: Place;
}

/** Name of the recorded release of answers that name none. */
const UNNAMED = 'observed';
/** What secrets and redacted parts are replaced by before anything is stored. */
const REPLACED = /\[redacted\]|\[secret\]|\[forgotten/;

/** null = it cannot be asked again; the losses say why. `reasons`: why it went wrong. */
export function observationCase(
  o: StoredObservation,
  reasons: readonly string[],
  site: Site,
): FoundCase | null {
  const name = `observation ${quoted(o.id)}`;
  if (o.texts === null) {
    site.losses.dropped(name, 'only its numbers are stored, not its question', site.place);
    return null;
  }
  const asked = askedOf(o.texts.rest, site);
  if (asked === null) {
    site.losses.dropped(name, 'it was sent without `messages` and `input`', site.place);
    return null;
  }
  if (REPLACED.test(JSON.stringify(asked)))
    site.losses.approximated('question', 'parts of it were redacted before it was stored', site.place);
  site.losses.mapped();
  const { release, template, segment } = o.dimensions;
  const said = answerOf(o, site);
  return {
    recordId: o.id,
    ...asked,
    tags: [
      ...new Set(
        [
          ...reasons,
          ...(template === null ? [] : [`template:${template}`]),
          ...(segment === null ? [] : [`segment:${segment}`]),
          // In a suite these would bind a case to one prompt or provider.
          ...o.tags.map((tag) => (/^(prompt|provider):/.test(tag) ? `tag:${tag}` : tag)),
        ]
          .map(label)
          .filter((tag) => tag !== ''),
      ),
    ],
    meta: metaOf(o),
    source: { kind: 'observation', ref: o.id, at: new Date(o.at).toISOString().slice(0, 10) },
    time: new Date(o.at).toISOString(),
    recordings: said === null ? [] : [{ release: release ?? UNNAMED, ...said, ...measuresOf(o) }],
    place: site.place,
  };
}

/** Messages without the system text, which is the release's; or the variables of a template. */
function askedOf({ messages, input }: JsonObject, site: Site): Pick<FoundCase, 'messages' | 'vars'> | null {
  if (messages !== undefined) {
    const all = readMessages(messages, site);
    const first = all?.findIndex((m) => m['role'] !== 'system' && m['role'] !== 'developer') ?? -1;
    if (all === null || first < 0) return null;
    if (first > 0)
      site.losses.approximated('system text', 'left out: each release brings its own', site.place);
    return { messages: all.slice(first) };
  }
  if (input === undefined || input === null || input === '') return null;
  if (typeof input === 'string') {
    const one = readMessages(input, site);
    return one === null ? null : { messages: one };
  }
  return { vars: isJsonObject(input) ? input : { input: input as JsonValue } };
}

/** null = neither an answer nor an error is stored. */
function answerOf(
  { texts, measures }: StoredObservation,
  site: Site,
): Pick<FoundRecording, 'output' | 'toolCalls' | 'error'> | null {
  const error = texts?.rest['error'];
  if (measures.failed)
    return { error: typeof error === 'string' ? error : 'the application reported an error' };
  const calls = texts?.rest['tool_calls'];
  const output = texts?.output ?? null;
  if (output === null && calls === undefined) return null;
  return replyOf({ content: output ?? '', ...(calls === undefined ? {} : { tool_calls: calls }) }, site);
}

function measuresOf({
  measures: m,
  servedModel,
  model,
  stopReason,
}: StoredObservation): Omit<FoundRecording, 'release'> {
  const usage: JsonObject = {
    ...(m.inputTokens === null ? {} : { input_tokens: m.inputTokens }),
    ...(m.outputTokens === null ? {} : { output_tokens: m.outputTokens }),
  };
  return {
    model: servedModel ?? model ?? undefined,
    ...(Object.keys(usage).length === 0 ? {} : { usage }),
    latencyMs: m.latencyMs ?? undefined,
    costUsd: m.costUsd ?? undefined,
    stopReason: stopReason ?? undefined,
  };
}

function metaOf({ outcome, finalText, actionMode, dimensions }: StoredObservation): JsonObject {
  return {
    ...(dimensions.release === null ? {} : { release: dimensions.release }),
    ...(actionMode === null ? {} : { action_mode: actionMode }),
    ...(outcome?.edited === undefined ? {} : { edited: outcome.edited }),
    ...(outcome?.review === undefined ? {} : { review: outcome.review }),
    ...(finalText === null ? {} : { final_text: finalText }),
  };
}

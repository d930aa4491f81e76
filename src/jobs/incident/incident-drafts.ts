// Every incident grows the suite: cases drafted from the inputs that failed, in the form a suite file takes.

import { readDocument } from '../../base/document.ts';
import type { JsonObject, JsonValue } from '../../base/index.ts';
import { contentHash, isJsonObject } from '../../base/json.ts';
import { literalText } from '../../base/template-text.ts';
import type { Turn } from '../../core/case-conversation.ts';
import type { Part } from '../../core/conversation.ts';
import { type Case, type GraderSpec, graderContent, type Message, type Suite } from '../../core/index.ts';
import { dataUrl, isStored } from '../../core/media.ts';
import { paramsSchema } from '../../core/params-schema.ts';
import { readText } from '../../engine/workplace/checked-file.ts';

/** Cases drafted from the ledger at most: the worst ones. */
export const MAX_DRAFTS = 20;

export interface DraftSource {
  /** Id of the bad snapshot. */
  readonly ref: string;
  /** ISO time of the incident. */
  readonly at: string;
}

/** A stored case as a new critical one, tied to its original by a group so that the two do not count as independent. */
export function draftCase(c: Case, source: DraftSource, sharedGraders: number): JsonObject {
  const grade = c.graders.slice(sharedGraders).map(graderMap);
  return {
    id: `incident-${source.at.slice(0, 10)}-${c.id}`,
    tags: [...new Set([...c.tags, 'incident'])],
    group: c.group ?? c.id,
    critical: true,
    ...(c.messages === null ? {} : { messages: c.messages.map(messageFields) }),
    ...(c.turns === undefined ? {} : { turns: c.turns.map(turnFields) }),
    ...(c.tools === undefined ? {} : { tools: c.tools as unknown as JsonValue }),
    ...(c.maxSteps === undefined ? {} : { 'max-steps': c.maxSteps }),
    ...(c.params === undefined ? {} : { params: paramFields(c.params) }),
    ...(Object.keys(c.vars).length === 0 ? {} : { vars: c.vars }),
    ...(c.expected === undefined ? {} : { expected: c.expected }),
    ...(grade.length === 0 ? {} : { grade }),
    source: { kind: 'incident', ref: source.ref, at: source.at.slice(0, 10) },
  };
}

/** How many leading graders of every case come from the suite's `defaults`; 0 when the suite file does not tell any more. */
export async function sharedGraders(suite: Suite): Promise<number> {
  if (suite.file === null) return 0;
  let defaults: JsonValue | undefined;
  try {
    const { value } = readDocument(await readText(suite.file), suite.file, 'SUITE');
    defaults =
      isJsonObject(value) && isJsonObject(value['defaults']) ? value['defaults']['grade'] : undefined;
  } catch {
    // The suite's file is gone or broken by now: the drafts then carry all their graders.
    return 0;
  }
  const count = Array.isArray(defaults) ? defaults.length : 0;
  const lead = (c: Case): string => contentHash(c.graders.slice(0, count).map(withoutId));
  const first = suite.cases.at(0);
  if (count === 0 || first === undefined) return 0;
  const same = suite.cases.every((c) => c.graders.length >= count && lead(c) === lead(first));
  return same ? count : 0;
}

function withoutId(spec: GraderSpec): JsonObject {
  const { id: _id, ...rest } = graderContent(spec);
  return rest;
}

/** A grader as a suite file spells it: one key, its name, then its options. */
function graderMap(spec: GraderSpec): JsonObject {
  return {
    [`${spec.negate ? 'not-' : ''}${spec.type}`]: {
      ...optionFields(spec),
      id: spec.id,
      ...(spec.weight === 1 ? {} : { weight: spec.weight }),
      ...(spec.required ? {} : { required: false }),
      ...(spec.turn === undefined ? {} : { turn: spec.turn }),
    },
  };
}

function optionFields(spec: GraderSpec): JsonObject {
  if (spec.type === 'javascript') {
    const { path, export: name, config, timeoutMs } = spec.options;
    return {
      file: path,
      export: name,
      ...(config === undefined ? {} : { config }),
      'timeout-ms': timeoutMs,
    };
  }
  if (spec.type === 'command' || spec.type === 'http') {
    const { timeoutMs, ...rest } = spec.options;
    // Worked out when the suite is read.
    const { files: _files, ...written } = rest as JsonObject;
    return { ...written, 'timeout-ms': timeoutMs };
  }
  if (spec.type === 'rubric') {
    return {
      criteria: spec.options.criteria.map((c) => ({
        id: c.id,
        ...(c.kind === 'ask' ? { ask: c.ask } : { check: bareGrader(c.check) }),
        weight: c.weight,
        ...(c.must ? { must: true } : {}),
      })),
      threshold: spec.options.threshold,
    };
  }
  return spec.options as unknown as JsonObject;
}

/** A grader within a criterion takes no id, weight or `required` of its own. */
function bareGrader(spec: GraderSpec): JsonObject {
  return { [`${spec.negate ? 'not-' : ''}${spec.type}`]: optionFields(spec) };
}

/** Names that a suite file does not know came from `provider-options`. */
function paramFields(params: JsonObject): JsonObject {
  const named = Object.entries(params).filter(([name]) => Object.hasOwn(paramsSchema.shape, name));
  const others = Object.entries(params).filter(([name]) => !Object.hasOwn(paramsSchema.shape, name));
  return {
    ...Object.fromEntries(named),
    ...(others.length === 0 ? {} : { 'provider-options': Object.fromEntries(others) }),
  };
}

function turnFields(turn: Turn): JsonValue {
  if ('user' in turn)
    return turn.parts === undefined ? literalText(turn.user) : { user: turn.parts.map(partFields) };
  const { name, layers } = turn.simulate;
  const system = literalText(String(layers.prompt?.['system'] ?? ''));
  return { simulate: { name, ...layers, prompt: { system } }, 'max-turns': turn.maxTurns } as JsonObject;
}

/** Files are written out, so that the draft needs no other file. */
function partFields(part: Part): JsonObject {
  const cache = part.cache === undefined ? {} : { cache: part.cache };
  if ('text' in part) return { text: literalText(part.text), ...cache };
  const { media, detail } = part;
  const source = isStored(media) ? dataUrl(media) : literalText(media.url);
  const name = media.kind === 'file' && media.name !== undefined ? { name: media.name } : {};
  return { [media.kind]: source, ...name, ...(detail === undefined ? {} : { detail }), ...cache };
}

function messageFields(m: Message): JsonObject {
  return {
    role: m.role,
    content: m.parts === undefined ? literalText(m.content) : m.parts.map(partFields),
    ...(m.name === undefined ? {} : { name: m.name }),
    ...(m.toolCallId === undefined ? {} : { 'tool-call-id': m.toolCallId }),
    ...(m.toolCalls === undefined
      ? {}
      : {
          'tool-calls': m.toolCalls.map((t) => ({
            ...(t.id === undefined ? {} : { id: t.id }),
            name: t.name,
            args: t.args,
          })),
        }),
  };
}

// Release × case → the request that is sent. Also the check, before any call, that every case can be asked.

import { isDeepStrictEqual } from 'node:util';
import { FillTime } from '../base/fill-time.ts';
import { type JsonObject, type JsonValue, LastgoodError } from '../base/index.ts';
import { type BodyTemplate, bodyTemplate } from '../core/body-template.ts';
import type { Case, CaseList, Message, ProviderRequest, Release, ToolDefinition } from '../core/index.ts';
import { isModelApi } from '../core/model-apis.ts';
import { paramsOf } from '../core/params.ts';
import { checkMedia } from './check-media.ts';
import {
  compileMessage,
  fillMessage,
  type LayerContent,
  type LayerMessage,
  type MessageTemplate,
} from './message-template.ts';

/** Errors listed one by one before the rest is only counted: a missing variable usually hits every case. */
const LISTED_ERRORS = 100;

/** What of a release is the same for every case. */
interface CompiledRelease {
  readonly file: string | null;
  /** System text and examples: in front of whatever the case says. */
  readonly lead: readonly MessageTemplate[];
  /** The release's own messages, used where the case brings none. */
  readonly turns: readonly MessageTemplate[];
  /** The body that an http route fills from the request. */
  readonly body: BodyTemplate | undefined;
  /** A model API cannot be called without a single turn; other routes fill a body from the variables. */
  readonly needsTurns: boolean;
  readonly tools: readonly ToolDefinition[] | undefined;
  readonly toolChoice: JsonValue | undefined;
  readonly outputSchema: ProviderRequest['outputSchema'];
}

// Keyed by the release object, so that nothing outlives it and no two contents are ever mixed up.
const compiled = new WeakMap<Release, CompiledRelease>();

/**
 * The request of one trial: system text, examples, then the case's first turn, its own messages, or else the release's templates.
 * Throws `TEMPLATE_SYNTAX`, `TEMPLATE_VARIABLE_MISSING`, `TEMPLATE_FAILED` or `REQUEST_WITHOUT_MESSAGES`.
 */
export function renderRequest(release: Release, c: Case, trial: number): ProviderRequest {
  const parts = compiledRelease(release);
  const about = { caseId: c.id, file: parts.file };
  const messages = parts.lead.map((m) => fillMessage(m, c.vars, about));
  const opening = c.turns?.[0];
  if (opening !== undefined) {
    if ('user' in opening) messages.push(userMessage(opening));
  } else if (c.messages !== null) messages.push(...c.messages);
  else for (const turn of parts.turns) messages.push(fillMessage(turn, c.vars, about));
  if (parts.needsTurns && opening === undefined && (c.messages ?? parts.turns).length === 0) {
    throw new LastgoodError({
      code: 'REQUEST_WITHOUT_MESSAGES',
      message: `there is nothing to ask the model: the case has no messages and the release's prompt layer has no message template`,
      where: { file: parts.file ?? undefined, caseId: c.id, key: 'prompt.messages' },
      hint: 'add `messages: [{ role: user, content: "{{ question }}" }]` to the release\'s prompt layer, or messages to the case',
    });
  }
  return {
    caseId: c.id,
    trial,
    messages,
    vars: c.vars,
    params: paramsOf(release, c),
    tools: parts.tools,
    toolChoice: parts.toolChoice,
    outputSchema: parts.outputSchema,
  };
}

/** Every case that cannot be asked of this release, before any call is paid for. Unused variables are no error. */
export function checkRequests(cases: CaseList, release: Release): LastgoodError[] {
  const errors: LastgoodError[] = [];
  let unlisted = 0;
  try {
    compiledRelease(release);
  } catch (error) {
    if (error instanceof LastgoodError) return [error];
    throw error;
  }
  const time = new FillTime("the release's templates");
  for (const c of cases) {
    try {
      time.spend(
        () => {
          const request = renderRequest(release, c, 0);
          checkMedia(release, request);
          compiledRelease(release).body?.(request);
        },
        () => ({ file: release.file ?? undefined, caseId: c.id }),
      );
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      if (errors.length < LISTED_ERRORS) errors.push(error);
      else unlisted++;
      // Each further case would take as long.
      if (error.code === 'TEMPLATE_LIMIT') break;
    }
  }
  if (unlisted > 0) {
    errors.push(
      new LastgoodError({
        code: errors[0]?.code ?? 'TEMPLATE_FAILED',
        message: `${unlisted} more cases cannot be asked of this release either`,
        where: { file: release.file ?? undefined },
      }),
    );
  }
  return errors;
}

/** So many cases tell whether two releases ask differently. */
const COMPARED_CASES = 50;

/**
 * Does a route that both releases share get something else from one than from the other? Of the first cases, those that cannot be asked
 * left out: `checkRequests` reports them.
 */
export function asksDifferently(cases: CaseList, a: Release, b: Release): boolean {
  let left = COMPARED_CASES;
  for (const c of cases) {
    if (left-- === 0) return false;
    try {
      if (!isDeepStrictEqual(asked(a, c), asked(b, c))) return true;
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
    }
  }
  return false;
}

/** What an application is given: the body it is sent, or the request that a command reads. */
function asked(release: Release, c: Case): unknown {
  const request = renderRequest(release, c, 0);
  const { body } = compiledRelease(release);
  if (body !== undefined) return body(request);
  const { messages, params } = request;
  return { messages, params };
}

function userMessage({ user, parts }: { readonly user: string; readonly parts?: Message['parts'] }): Message {
  return { role: 'user', content: user, ...(parts === undefined ? {} : { parts }) };
}

function compiledRelease(release: Release): CompiledRelease {
  let parts = compiled.get(release);
  if (parts === undefined) {
    parts = compileRelease(release);
    compiled.set(release, parts);
  }
  return parts;
}

/** The layers as the release's schema lets them through. */
interface PromptLayer {
  readonly system?: LayerContent;
  readonly messages?: readonly LayerMessage[];
  readonly examples?: readonly LayerMessage[];
}

function compileRelease(release: Release): CompiledRelease {
  const { route, tools, output } = release.layers;
  const prompt = (release.layers.prompt ?? {}) as unknown as PromptLayer;
  const compile = (message: LayerMessage, key: string): MessageTemplate =>
    compileMessage(message, { file: release.file, key });
  const lead: MessageTemplate[] = [];
  if (prompt.system !== undefined)
    lead.push(compile({ role: 'system', content: prompt.system }, 'prompt.system'));
  prompt.examples?.forEach((m, i) => {
    lead.push(compile(m, `prompt.examples[${i}].content`));
  });
  const schema = output?.['schema'] as JsonObject | undefined;
  return {
    file: release.file,
    lead,
    turns: (prompt.messages ?? []).map((m, i) => compile(m, `prompt.messages[${i}].content`)),
    body:
      route.provider !== 'http' || route['body'] === undefined
        ? undefined
        : bodyTemplate(route['body'], { file: release.file, key: 'route.body' }),
    needsTurns: isModelApi(route.provider),
    tools: (tools?.['definitions'] as readonly JsonObject[] | undefined)?.map(toolDefinition),
    toolChoice: tools?.['choice'],
    outputSchema: schema === undefined ? undefined : { name: schemaName(schema), schema },
  };
}

/** A definition with a type is a hosted tool: all others lost theirs when they were read. */
function toolDefinition(tool: JsonObject): ToolDefinition {
  const { type, name } = tool;
  if (typeof type !== 'string') return tool as unknown as ToolDefinition;
  return { name: typeof name === 'string' ? name : type, hosted: tool };
}

/** APIs want a name of at most 64 letters, digits, `_` and `-`; the schema's title gives it, so that the fingerprint covers it. */
function schemaName(schema: JsonObject): string {
  const title = typeof schema['title'] === 'string' ? schema['title'] : '';
  return title.replace(/[^a-zA-Z0-9_-]+/g, '_').slice(0, 64) || 'answer';
}

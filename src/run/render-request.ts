// Release × case → the request that is sent. Also the check, before any call, that every case can be asked.

import {
  type Case,
  type CaseList,
  type JsonObject,
  type JsonValue,
  LastgoodError,
  type Message,
  type ProviderRequest,
  type Release,
  type ToolDefinition,
} from '../core/index.ts';
import { compileText, fillText, type TextTemplate } from './template.ts';

/** Errors listed one by one before the rest is only counted: a missing variable usually hits every case. */
const LISTED_ERRORS = 100;

interface MessageTemplate {
  readonly message: Message;
  readonly content: TextTemplate;
}

/** What of a release is the same for every case. */
interface CompiledRelease {
  readonly file: string | null;
  /** System text and examples: in front of whatever the case says. */
  readonly lead: readonly MessageTemplate[];
  /** The release's own messages, used where the case brings none. */
  readonly turns: readonly MessageTemplate[];
  /** A model API cannot be called without a single turn; other routes fill a body from the variables. */
  readonly needsTurns: boolean;
  readonly params: JsonObject;
  readonly tools: readonly ToolDefinition[] | undefined;
  readonly toolChoice: JsonValue | undefined;
  readonly outputSchema: ProviderRequest['outputSchema'];
}

// Keyed by the release object, so that nothing outlives it and no two contents are ever mixed up.
const compiled = new WeakMap<Release, CompiledRelease>();

/**
 * The request of one trial: system text, examples, then the case's own messages or else the release's templates.
 * Throws `TEMPLATE_SYNTAX`, `TEMPLATE_VARIABLE_MISSING`, `TEMPLATE_FAILED` or `REQUEST_WITHOUT_MESSAGES`.
 */
export function renderRequest(release: Release, c: Case, trial: number): ProviderRequest {
  const parts = compiledRelease(release);
  const about = { caseId: c.id, file: parts.file };
  const messages = parts.lead.map((m) => fill(m, c, about));
  if (c.messages !== null) messages.push(...c.messages);
  else for (const turn of parts.turns) messages.push(fill(turn, c, about));
  if (parts.needsTurns && (c.messages ?? parts.turns).length === 0) {
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
    params: parts.params,
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
  for (const c of cases) {
    try {
      renderRequest(release, c, 0);
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      if (errors.length < LISTED_ERRORS) errors.push(error);
      else unlisted++;
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

function fill(
  template: MessageTemplate,
  c: Case,
  about: { readonly caseId: string; readonly file: string | null },
): Message {
  if (template.content.kind === 'literal') return template.message;
  return { ...template.message, content: fillText(template.content, c.vars, about) };
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
  readonly system?: string;
  readonly messages?: readonly Message[];
  readonly examples?: readonly Message[];
}

function compileRelease(release: Release): CompiledRelease {
  const { route, params, tools, output } = release.layers;
  const prompt = (release.layers.prompt ?? {}) as PromptLayer;
  const compile = (message: Message, key: string): MessageTemplate => ({
    message,
    content: compileText(message.content, { file: release.file, key }),
  });
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
    needsTurns: route.provider === 'openai' || route.provider === 'anthropic',
    params: params ?? {},
    tools: tools?.['definitions'] as readonly ToolDefinition[] | undefined,
    toolChoice: tools?.['choice'],
    outputSchema: schema === undefined ? undefined : { name: schemaName(schema), schema },
  };
}

/** APIs want a name of at most 64 letters, digits, `_` and `-`; the schema's title gives it, so that the fingerprint covers it. */
function schemaName(schema: JsonObject): string {
  const title = typeof schema['title'] === 'string' ? schema['title'] : '';
  return title.replace(/[^a-zA-Z0-9_-]+/g, '_').slice(0, 64) || 'answer';
}

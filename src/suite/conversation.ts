// A case's conversation from a file: the user's turns with their graders, and the canned results of tools.

import { type DocumentPath, quote, type TextDocument, whereIn } from '../base/document.ts';
import { type ErrorWhere, LastgoodError, LastgoodErrors } from '../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import {
  type CannedAnswer,
  type CannedTool,
  DEFAULT_MAX_TURNS,
  type Turn,
} from '../core/case-conversation.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import type { PartFields } from '../core/part-schema.ts';
import type { CannedToolFields, CaseFields, TurnFields } from './case-schema.ts';
import { type GraderDraft, type GraderReading, readGraders } from './graders.ts';
import { readPersona } from './persona.ts';
import type { Problems } from './problems.ts';

/** Where a case stands. */
export interface CaseSite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
  readonly caseId: string;
}

/** A turn whose texts and parts still have to be filled and read; `key` is where they stand. */
export type UnreadTurn =
  | { readonly user: string }
  | { readonly user: readonly PartFields[]; readonly key: 'user' | 'content' }
  | Extract<Turn, { readonly simulate: unknown }>;

/** What a case says of its conversation; empty where it has none. */
export interface ReadConversation {
  readonly turns?: readonly UnreadTurn[];
  readonly tools?: readonly CannedTool[];
  readonly maxSteps?: number;
}

/** Undefined = reported. */
export function readConversation(
  fields: CaseFields,
  site: CaseSite,
  problems: Problems,
): ReadConversation | undefined {
  const { turns, tools, messages } = fields;
  const maxSteps = fields['max-steps'];
  const before = problems.count();
  if (turns !== undefined && messages !== undefined)
    problems.add(
      badCase(site, ['turns'], 'the case has both `turns` and `messages`, expected one of them', {
        hint: "a history that every run shares goes into the release's `prompt.examples`",
      }),
    );
  if (maxSteps !== undefined && tools === undefined)
    problems.add(
      badCase(
        site,
        ['max-steps'],
        'the case has `max-steps` but no `tools`, so the release replies once a turn',
        {
          hint: "add the tools' canned results: tools: [{ name: …, result: … }]",
        },
      ),
    );
  const read = (turns ?? []).map((turn, i) => readTurn(turn, i, site, problems));
  const canned = (tools ?? []).flatMap((tool, i) => readTool(tool, i, site, problems) ?? []);
  if (problems.count() > before) return undefined;
  return {
    ...(turns === undefined ? {} : { turns: read.flatMap((turn) => turn ?? []) }),
    ...(tools === undefined ? {} : { tools: canned }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
  };
}

function readTurn(
  turn: TurnFields,
  index: number,
  site: CaseSite,
  problems: Problems,
): UnreadTurn | undefined {
  if (typeof turn === 'string') return { user: turn };
  if (!('simulate' in turn)) {
    const [said, key] = 'user' in turn ? [turn.user, 'user' as const] : [turn.content, 'content' as const];
    return typeof said === 'string' ? { user: said } : { user: said, key };
  }
  const path = [...site.path, 'turns', index, 'simulate'];
  try {
    const simulate = readPersona(turn.simulate as string | JsonObject, { ...site, path });
    return { simulate, maxTurns: turn['max-turns'] ?? DEFAULT_MAX_TURNS };
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    problems.add(...(error instanceof LastgoodErrors ? error.errors : [error]));
    return undefined;
  }
}

function readTool(
  fields: CannedToolFields,
  index: number,
  site: CaseSite,
  problems: Problems,
): CannedTool | undefined {
  const { name, error, sequence } = fields;
  const given = ['result', 'error', 'sequence'].filter((key) => Object.hasOwn(fields, key));
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none of them' : given.map((key) => quote(key)).join(' and ');
    problems.add(
      badCase(
        site,
        ['tools', index],
        `the canned tool ${quote(name)} needs exactly one of \`result\`, \`error\` and \`sequence\`, found ${found}`,
      ),
    );
    return undefined;
  }
  const base = { name, ...(fields.when === undefined ? {} : { when: fields.when as JsonObject }) };
  if (sequence !== undefined)
    return { ...base, sequence: sequence.map((step) => answerOf(step as JsonValue)) };
  if (error !== undefined) return { ...base, error };
  return { ...base, result: (fields.result ?? null) as JsonValue };
}

/** `{ result }` and `{ error }` are answers; anything else is a result as it stands. */
function answerOf(step: JsonValue): CannedAnswer {
  const keys = isJsonObject(step) ? Object.keys(step) : [];
  const [key] = keys;
  if (keys.length === 1 && isJsonObject(step)) {
    if (key === 'error' && typeof step['error'] === 'string') return { error: step['error'] };
    if (key === 'result') return { result: step['result'] ?? null };
  }
  return { result: step };
}

function badCase(
  site: CaseSite,
  at: DocumentPath,
  message: string,
  more: { readonly hint?: string } = {},
): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_BAD_CASE',
    message,
    where: whereIn(site.document, [...site.path, ...at], 'value', site.caseId),
    ...more,
  });
}

/** The graders that stand in turns. */
export interface TurnGrades {
  /** From 1. */
  readonly turn: number;
  readonly grade: readonly unknown[];
}

/** The turns that have graders of their own. */
export function gradeLists(turns: readonly TurnFields[]): TurnGrades[] {
  return turns.flatMap((turn, i) =>
    typeof turn === 'string' || turn.grade === undefined || turn.grade.length === 0
      ? []
      : [{ turn: i + 1, grade: turn.grade }],
  );
}

/** Graders of turns, each looking at its turn. */
export function readTurnGraders(
  lists: readonly TurnGrades[],
  site: CaseSite,
  reading: GraderReading,
): GraderDraft[] {
  return lists.flatMap(({ turn, grade }) => {
    const path = [...site.path, 'turns', turn - 1, 'grade'];
    return readGraders(grade, { ...site, path }, reading).map((draft) => {
      const { spec } = draft;
      if (spec.turn !== undefined && spec.turn !== turn)
        reading.problems.add(
          new LastgoodError({
            code: 'SUITE_BAD_TURN',
            message: `the grader ${quote(draft.name)} stands in turn ${turn} and names turn ${spec.turn}`,
            where: { ...draft.where(), caseId: site.caseId },
            hint: "leave out `turn`, or move the grader to the case's own `grade`",
          }),
        );
      return { ...draft, name: `turn-${turn}-${draft.name}`, spec: { ...spec, turn } };
    });
  });
}

/** Graders that look at a turn which the case does not have. */
export function turnsOutOfReach(
  graders: readonly GraderSpec[],
  turns: number,
  where: () => ErrorWhere,
): LastgoodError[] {
  return graders
    .filter(({ turn }) => turn !== undefined && turn > turns)
    .map(
      ({ id, turn }) =>
        new LastgoodError({
          code: 'SUITE_BAD_TURN',
          message: `the grader ${quote(id)} looks at turn ${turn}, and the case has ${turns === 1 ? 'one turn' : `${turns} turns`}`,
          where: where(),
          hint: 'turns count from 1',
        }),
    );
}

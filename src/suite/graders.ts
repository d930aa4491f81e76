// Reads the graders of a case: shorthand expanded, files inlined, patterns compiled once, ids made unique.

import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { type DocumentPath, describeValue, quote, type TextDocument, whereIn } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import type { ErrorCode } from '../base/error-catalogue.ts';
import { didYouMean, type ErrorWhere, LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { GRADERS } from '../core/grader-catalogue.ts';
import type { Criterion, GraderSpec, GraderType } from '../core/grader-spec.ts';
import type { GraderFiles } from './grader-files.ts';
import { criterionSchema, GRADER_NAMES, GRADER_OPTIONS, readGraderName } from './grader-options.ts';
import { judgeOptions } from './judge-question.ts';
import type { Problems } from './problems.ts';
import { httpOptions } from './program-options.ts';

/** Where a list of graders stands. */
export interface GraderSite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
  readonly caseId?: string | undefined;
}

/** A grader that has no final id yet. */
export interface GraderDraft {
  readonly name: string;
  readonly givenId: string | undefined;
  readonly spec: GraderSpec;
  /** Found out only when asked: a column costs reading the line again. */
  readonly where: () => ErrorWhere;
}

/** What it takes to read graders. */
export interface GraderReading {
  readonly files: GraderFiles;
  readonly problems: Problems;
}

/** The graders of a list; the unreadable ones are left out and reported. */
export function readGraders(
  list: readonly unknown[],
  site: GraderSite,
  reading: GraderReading,
): GraderDraft[] {
  return list.flatMap((raw, i) => {
    const draft = readGrader(raw, { ...site, path: [...site.path, i] }, reading, false);
    return draft === undefined ? [] : [draft];
  });
}

/** Fills the ids that are not given (`contains`, `contains-2`, …) and reports given ones that stand twice. */
export function nameGraders(
  drafts: readonly GraderDraft[],
  caseId: string,
  problems: Problems,
): GraderSpec[] {
  const given = new Map<string, GraderDraft>();
  for (const draft of drafts) {
    if (draft.givenId === undefined) continue;
    const first = given.get(draft.givenId);
    if (first === undefined) given.set(draft.givenId, draft);
    else {
      problems.add(
        new LastgoodError({
          code: 'SUITE_DUPLICATE_GRADER',
          message: `two graders of the case have the id ${quote(draft.givenId)}; the other is at ${placeOf(first.where())}`,
          where: { ...draft.where(), caseId },
          hint: 'give one of them another `id`',
        }),
      );
    }
  }
  const used = new Set(given.keys());
  return drafts.map((draft) => {
    if (draft.givenId !== undefined) return { ...draft.spec, id: draft.givenId };
    let id = draft.name;
    for (let n = 2; used.has(id); n++) id = `${draft.name}-${n}`;
    used.add(id);
    return { ...draft.spec, id };
  });
}

/** `file:line` */
export function placeOf(where: ErrorWhere): string {
  return [where.file, where.line].filter((p) => p !== undefined).join(':');
}

function readGrader(
  raw: unknown,
  site: GraderSite,
  reading: GraderReading,
  nested: boolean,
): GraderDraft | undefined {
  const { document, path, caseId } = site;
  const where = (): ErrorWhere => whereIn(document, path, 'value', caseId);
  const fail = (code: ErrorCode, message: string, hint?: string, at = where): undefined => {
    reading.problems.add(new LastgoodError({ code, message, where: at(), hint }));
  };

  const keys = isJsonObject(raw) ? Object.keys(raw) : [];
  if (typeof raw !== 'string' && keys.length !== 1) {
    const named = keys.find((k) => readGraderName(k).kind === 'known');
    return fail(
      'SUITE_BAD_GRADER',
      keys.length > 1
        ? `a grader is a map with one key, its name; found ${keys.map((k) => quote(k)).join(', ')}`
        : `expected a grader such as { max-length: 900 }, found ${describeValue(raw)}`,
      named === undefined
        ? undefined
        : `put the options inside: ${named}: { ${GRADERS[readKnown(named)].shorthand ?? 'id'}: …, ${keys.find((k) => k !== named)}: … }`,
    );
  }
  const name = typeof raw === 'string' ? raw : (keys[0] ?? '');
  const known = readGraderName(name);
  if (known.kind === 'unknown') {
    const near = didYouMean(name, GRADER_NAMES);
    return fail(
      'SUITE_UNKNOWN_GRADER',
      `there is no grader ${quote(name)}`,
      near === undefined
        ? `known graders: ${GRADER_NAMES.filter((n) => !n.startsWith('not-')).join(', ')}`
        : `did you mean ${quote(near)}?`,
      typeof raw === 'string' ? where : () => whereIn(document, [...path, name], 'key', caseId),
    );
  }
  if (known.kind === 'not-negatable') {
    return fail('SUITE_UNKNOWN_GRADER', `the grader ${quote(known.type)} has no \`not-\` form`);
  }
  if (nested && known.type === 'rubric')
    return fail('SUITE_BAD_GRADER', 'a criterion cannot check another rubric');
  if (nested && known.type === 'judge')
    return fail('SUITE_BAD_GRADER', 'a criterion cannot check with a judge', 'write the question as `ask`');

  const { type, negate } = known;
  const body: unknown = typeof raw === 'string' ? undefined : (raw as JsonObject)[name];
  const bodySite: GraderSite = { ...site, path: typeof raw === 'string' ? path : [...path, name] };
  const options = readOptions(type, body, bodySite, reading.problems);
  if (options === undefined) return undefined;
  const { id, weight, required, turn, ...own } = options as JsonObject & {
    id?: string;
    weight?: number;
    required?: boolean;
    turn?: number;
  };
  if (nested && [id, weight, required, turn].some((option) => option !== undefined)) {
    return fail(
      'SUITE_BAD_GRADER',
      'a criterion is named and weighted itself, its `check` is not',
      'move id and weight to the criterion, and `turn` to the rubric; `must: true` makes it required',
    );
  }
  const finished = finishOptions(type, own, bodySite, reading);
  if (finished === undefined) return undefined;
  const spec = {
    type,
    negate,
    id: id ?? name,
    weight: weight ?? 1,
    required: required ?? true,
    ...(turn === undefined ? {} : { turn }),
    options: finished,
  };
  return { name, givenId: id, spec: spec as unknown as GraderSpec, where };
}

/** Options as a map: shorthand put under its key, shape checked. */
function readOptions(
  type: GraderType,
  body: unknown,
  site: GraderSite,
  problems: Problems,
): JsonObject | undefined {
  const schema = GRADER_OPTIONS[type];
  const { shorthand } = GRADERS[type];
  const spot = { document: site.document, path: site.path, family: 'SUITE', caseId: site.caseId } as const;
  const inlineSchema =
    type === 'json-schema' &&
    isJsonObject(body) &&
    !Object.hasOwn(body, 'schema') &&
    Object.keys(body).some((k) => !Object.hasOwn(schema.shape, k));
  if (body === undefined || body === null || (isJsonObject(body) && !inlineSchema)) {
    const checked = checkShape(schema, body ?? {}, {
      ...spot,
      unknownKeyHint: shorthand === null ? undefined : `to compare with a map, write { ${shorthand}: { … } }`,
    });
    if (checked.ok) return checked.value as JsonObject;
    problems.add(...checked.errors);
    return undefined;
  }
  if (shorthand === null) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_BAD_VALUE',
        message: `expected a map of options, found ${describeValue(body)}`,
        where: whereIn(site.document, site.path, 'value', site.caseId),
        hint: `write \`${type}\` alone when it needs no options`,
      }),
    );
    return undefined;
  }
  const checked = checkShape(schema.shape[shorthand] as unknown as z.ZodType, body, spot);
  if (!checked.ok) {
    problems.add(...checked.errors);
    return undefined;
  }
  return { [shorthand]: checked.value as JsonValue };
}

/** What only some graders need: patterns compiled, files read, criteria read. Undefined = reported. */
export function finishOptions(
  type: GraderType,
  options: JsonObject,
  site: GraderSite,
  reading: GraderReading,
): JsonObject | undefined {
  const where = (): ErrorWhere => whereIn(site.document, site.path, 'value', site.caseId);
  const dir = dirname(site.document.file);
  const pathOf = (path: string): string => (isAbsolute(path) ? path : join(dir, path));
  try {
    switch (type) {
      case 'matches':
      case 'extract':
        checkPattern(options, where);
        return options;
      case 'json-schema': {
        const given = options['schema'];
        const schema =
          typeof given === 'string' ? reading.files.schema(pathOf(given), where) : (given as JsonObject);
        reading.files.expectSchema(schema, where);
        return { ...options, schema };
      }
      case 'javascript': {
        const { file, export: name, 'timeout-ms': timeoutMs, ...rest } = options;
        return {
          ...reading.files.module(pathOf(file as string), where),
          export: name ?? 'default',
          timeoutMs: timeoutMs ?? 10_000,
          ...rest,
        };
      }
      case 'command':
        return reading.files.command(options, dir, where);
      case 'http':
        return httpOptions(options, where);
      case 'rubric':
        return readRubric(options, site, reading);
      case 'judge':
        return judgeOptions(options, (file) => reading.files.question(pathOf(file), where), where);
      default:
        return options;
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    reading.problems.add(error);
    return undefined;
  }
}

function checkPattern(options: JsonObject, where: () => ErrorWhere): void {
  const pattern = options['pattern'] as string;
  const flags = (options['flags'] as string | undefined) ?? '';
  try {
    new RegExp(pattern, options['ignore-case'] === true && !flags.includes('i') ? `${flags}i` : flags);
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^Invalid regular expression: (\/.*\/\w*: )?/s, '');
    throw new LastgoodError({
      code: 'SUITE_BAD_PATTERN',
      message: `the regular expression ${quote(pattern)}${flags ? ` with flags ${quote(flags)}` : ''} is not valid: ${reason}`,
      where: where(),
      hint: /\(\?[a-z]+\)/.test(pattern) ? 'put flags in `flags: "i"`, not in the pattern' : undefined,
      cause,
    });
  }
}

function readRubric(options: JsonObject, site: GraderSite, reading: GraderReading): JsonObject | undefined {
  const list = options['criteria'] as readonly unknown[];
  const raw = site.document.value;
  const listPath = hasCriteriaKey(raw, site.path) ? [...site.path, 'criteria'] : site.path;
  const criteria: Criterion[] = [];
  const before = reading.problems.count();
  for (const [i, entry] of list.entries()) {
    const path = [...listPath, i];
    const criterion = readCriterion(entry, { ...site, path }, reading);
    if (criterion === undefined) continue;
    const twice = criteria.some((c) => c.id === criterion.id);
    if (twice) {
      reading.problems.add(
        new LastgoodError({
          code: 'SUITE_DUPLICATE_CRITERION',
          message: `two criteria of the rubric have the id ${quote(criterion.id)}`,
          where: whereIn(site.document, path, 'value', site.caseId),
          hint: 'give one of them another `id`',
        }),
      );
    } else criteria.push(criterion);
  }
  if (reading.problems.count() > before) return undefined;
  return { criteria: criteria as unknown as JsonValue, threshold: options['threshold'] ?? 1 };
}

function readCriterion(entry: unknown, site: GraderSite, reading: GraderReading): Criterion | undefined {
  const { document, path, caseId } = site;
  const checked = checkShape(criterionSchema, entry, { document, path, family: 'SUITE', caseId });
  if (!checked.ok) {
    reading.problems.add(...checked.errors);
    return undefined;
  }
  const { id, ask, check, weight = 1, must = false } = checked.value;
  if ((ask === undefined) === (check === undefined)) {
    reading.problems.add(
      new LastgoodError({
        code: 'SUITE_BAD_CRITERION',
        message: `the criterion ${quote(id)} has ${ask === undefined ? 'neither' : 'both'} \`ask\` ${ask === undefined ? 'nor' : 'and'} \`check\`, expected exactly one`,
        where: whereIn(document, path, 'value', caseId),
      }),
    );
    return undefined;
  }
  if (ask !== undefined) return { kind: 'ask', id, ask, weight, must };
  const draft = readGrader(check, { ...site, path: [...path, 'check'] }, reading, true);
  return draft === undefined ? undefined : { kind: 'check', id, check: draft.spec, weight, must };
}

function hasCriteriaKey(root: JsonValue, path: DocumentPath): boolean {
  let value: JsonValue | undefined = root;
  for (const step of path) {
    value = Array.isArray(value)
      ? (value[Number(step)] as JsonValue | undefined)
      : isJsonObject(value)
        ? value[step]
        : undefined;
  }
  return isJsonObject(value);
}

function readKnown(name: string): GraderType {
  const known = readGraderName(name);
  return known.kind === 'known' ? known.type : 'json';
}

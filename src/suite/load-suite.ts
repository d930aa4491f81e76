// Loads a suite: the file, the case files it names, every grader in normal form. All problems are reported at once.

import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { quote, readDocument, type TextDocument, whereIn } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { didYouMean, type ErrorWhere, LastgoodError } from '../base/errors.ts';
import { FillTime } from '../base/fill-time.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { Warning } from '../base/ports.ts';
import type { CaseList } from '../core/case-list.ts';
import { type GraderSpec, needsEmbedder, needsJudge } from '../core/grader-spec.ts';
import { wantsEmbeddings } from '../core/policy.ts';
import type { Case, Suite } from '../core/suite.ts';
import { findCaseFiles } from './case-files.ts';
import { readCaseParams } from './case-params.ts';
import { type Row, readRows, readText } from './case-rows.ts';
import { type CaseFields, caseSchema, mappedCaseSchema } from './case-schema.ts';
import { CaseSpill } from './case-spill.ts';
import { gradeLists, readConversation, readTurnGraders, turnsOutOfReach } from './conversation.ts';
import {
  addNeeding,
  channelWithoutEmbedder,
  examinerFile,
  judgeFiles,
  type Needing,
} from './examiner-files.ts';
import { bindExpected, needsExpected, readsExpected } from './expected.ts';
import { graderFiles } from './grader-files.ts';
import { type GraderDraft, type GraderReading, nameGraders, placeOf, readGraders } from './graders.ts';
import { MediaTotal } from './media-total.ts';
import { fillMessages, fillTurns, readMessages, withRawHint } from './messages.ts';
import { collectProblems, type Problems } from './problems.ts';
import { chooseRows, mapRows } from './row-map.ts';
import { caseContentHash, gradersHash, NO_GRADERS, suiteHash } from './suite-hash.ts';
import { type FileEntry, fileEntrySchema, type SuiteFile, suiteFileSchema } from './suite-schema.ts';
import { type Graderless, unreadExpected, withoutGrader } from './unchecked-cases.ts';

const ROWS_PER_TURN = 256;

export interface SuiteListeners {
  /** Gets the cases a few hundred at a time, in their order and while others are read; what is wrong with the suite may still turn up. */
  readonly onCases?: ((cases: readonly Case[]) => void) | undefined;
  /** Gets what is no error but hardly meant, once the suite is read. */
  readonly onWarning?: ((warning: Warning) => void) | undefined;
}

/** Reads and checks a suite file and everything it names. Throws LastgoodError(s) that carry file, line, column and case; no call is made. */
export async function loadSuite(file: string, { onCases, onWarning }: SuiteListeners = {}): Promise<Suite> {
  const document = readDocument(readText(file), file, 'SUITE');
  const problems = collectProblems();
  const head = readHead(document, problems);
  const reading: GraderReading = { files: graderFiles(), problems };

  const defaultList = head.defaults?.grade ?? [];
  const drafts = readGraders(defaultList, { document, path: ['defaults', 'grade'] }, reading);
  const defaults: Defaults = {
    given: defaultList.length > 0,
    drafts,
    readExpected: drafts.some(({ spec }) => readsExpected(spec)),
    tags: head.defaults?.tags ?? [],
    trials: head.trials ?? 1,
    shared: new Map(),
    fillTime: new FillTime('the messages of the cases'),
    unread: { count: 0 },
    ungradable: { count: 0, withExpected: 0, first: null },
  };

  const gathered = new Gathering();
  let read = 0;
  let fresh: Case[] = [];
  for await (const rows of rowSources(head.cases, document, problems)) {
    for (const row of rows) {
      // Signals and timers get their turn while a large suite is read.
      if (++read % ROWS_PER_TURN === 0) await nextTurn();
      const c = readCase(row, defaults, reading);
      if (c === undefined) continue;
      gathered.add(c, row.characters);
      if (onCases === undefined || fresh.push(c) < ROWS_PER_TURN) continue;
      onCases(fresh);
      fresh = [];
    }
  }
  const cases = gathered.cases.list();
  problems.add(...gathered.duplicates(cases), ...withoutGrader(defaults.ungradable, file));
  if (read === 0 && problems.count() === 0) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_NO_CASES',
        message: 'the suite has no cases',
        where: whereIn(document, ['cases']),
        hint: 'add cases, or the file that holds them: cases: [cases.jsonl]',
      }),
    );
  }

  const { judged, embedded } = gathered;
  const { judgeFile, panelFiles, judgeVotes } = judgeFiles(head, judged, document, problems);
  const embedderFile = examinerFile(
    'embedder',
    head.embedder,
    embedded,
    'the grader "similar"',
    document,
    problems,
  );
  const embedsOutputs = wantsEmbeddings(head.policy);
  if (embedsOutputs && head.embedder === undefined) problems.add(channelWithoutEmbedder(document));
  if (problems.count() === 0) problems.add(...unknownPolicyTags(head, gathered.tags, document));
  problems.add(...(await reading.files.compileErrors()));
  problems.throwIfAny();
  if (defaults.unread.count > 0) onWarning?.(unreadExpected(defaults.unread.count, cases.length));

  const suite = {
    name: head.name,
    file,
    description: head.description ?? null,
    cases,
    judgeFile: judged.count > 0 ? judgeFile : null,
    ...(panelFiles === undefined || judged.count === 0 ? {} : { panelFiles }),
    ...(judgeVotes === undefined || judged.count === 0 ? {} : { judgeVotes }),
    embedderFile: embedded.count > 0 || embedsOutputs ? embedderFile : null,
    policy: head.policy ?? {},
  };
  return { ...suite, hash: suiteHash(suite) };
}

interface Defaults {
  /** True when the file lists any, read or not. */
  readonly given: boolean;
  readonly drafts: readonly GraderDraft[];
  readonly tags: readonly string[];
  readonly trials: number;
  /** Does any of them look at `expected`? */
  readonly readExpected: boolean;
  /** Cases with an `expected` that none of their graders reads. */
  readonly unread: { count: number };
  /** Cases without any grader, reported as one problem. */
  readonly ungradable: Graderless;
  /** Graders and hash of cases that add none of their own, by nothing but the defaults. */
  readonly shared: Map<'graders', { graders: GraderSpec[]; hash: string; plain: boolean }>;
  /** Of the messages of all cases. */
  readonly fillTime: FillTime;
}

/** The suite file's shape. Where it is wrong, what is usable goes on being checked, so that one pass finds the cases' problems too. */
function readHead(document: TextDocument, problems: Problems): SuiteFile {
  const checked = checkShape(suiteFileSchema, document.value, { document, family: 'SUITE' });
  if (checked.ok) return checked.value;
  problems.add(...checked.errors);
  const raw = isJsonObject(document.value) ? document.value : {};
  const cases = raw['cases'];
  const defaults = raw['defaults'];
  const grade = isJsonObject(defaults) && Array.isArray(defaults['grade']) ? defaults['grade'] : [];
  return {
    name: '',
    cases: typeof cases === 'string' || Array.isArray(cases) ? (cases as string | unknown[]) : [],
    defaults: { grade: grade as unknown[] },
    ...(typeof raw['judge'] === 'string' ? { judge: raw['judge'] } : {}),
    ...(isJsonObject(raw['judge']) && typeof raw['judge']['release'] === 'string'
      ? { judge: { release: raw['judge']['release'] } }
      : {}),
    ...(Array.isArray(raw['panel']) ? { panel: raw['panel'].filter((f) => typeof f === 'string') } : {}),
    ...(typeof raw['embedder'] === 'string' ? { embedder: raw['embedder'] } : {}),
  };
}

interface CaseRow extends Row {
  readonly mapped: boolean;
}

/** The rows of each entry under `cases`, in order; those of a file are read as they are asked for. */
async function* rowSources(
  entries: SuiteFile['cases'],
  document: TextDocument,
  problems: Problems,
): AsyncGenerator<Iterable<CaseRow>, void, undefined> {
  const read = new Set<string>();
  const list = typeof entries === 'string' ? [entries] : entries;
  for (const [i, entry] of list.entries()) {
    const path = typeof entries === 'string' ? ['cases'] : ['cases', i];
    if (typeof entry === 'string') {
      for (const file of await findCaseFiles(entry, document, path, problems)) {
        if (read.has(resolve(file))) continue;
        read.add(resolve(file));
        yield marked(readRows(file, false, problems), false);
      }
    } else if (isJsonObject(entry) && 'file' in entry) {
      const checked = checkShape(fileEntrySchema, entry, { document, path, family: 'SUITE' });
      if (checked.ok) yield await entryRows(checked.value, document, path, problems);
      else problems.add(...checked.errors);
    } else {
      const { line } = document.locate(path);
      yield [{ value: entry as JsonValue, document, path, line, mapped: false, characters: 0 }];
    }
  }
}

function* marked(rows: Iterable<Row>, mapped: boolean): Generator<CaseRow, void, undefined> {
  for (const row of rows) yield { ...row, mapped };
}

async function entryRows(
  entry: FileEntry,
  document: TextDocument,
  path: readonly (string | number)[],
  problems: Problems,
): Promise<Iterable<CaseRow>> {
  const { map, where } = entry;
  const files = await findCaseFiles(entry.file, document, [...path, 'file'], problems);
  const site = { document, path };
  const all = (function* () {
    for (const file of files) yield* readRows(file, map !== undefined, problems);
  })();
  const chosen = where === undefined ? all : chooseRows(all, where, site, problems);
  return marked(map === undefined ? chosen : mapRows(chosen, map, site, problems), map !== undefined);
}

function readCase(row: CaseRow, defaults: Defaults, reading: GraderReading): Case | undefined {
  const { document, path, line } = row;
  const { problems } = reading;
  const rawId = isJsonObject(row.value) ? row.value['id'] : undefined;
  const caseId = typeof rawId === 'string' ? rawId : undefined;
  const schema = row.mapped ? mappedCaseSchema : caseSchema;
  const checked = checkShape(schema, row.value, {
    document,
    path,
    family: 'SUITE',
    caseId,
    unknownKeyHint: 'rows of another shape are read with { file, map, where }',
  });
  if (!checked.ok) {
    problems.add(...checked.errors);
    return undefined;
  }
  const fields = checked.value as CaseFields;
  const id = fields.id;
  const where = (): ErrorWhere => whereIn(document, path, 'value', id);

  const turnLists = gradeLists(fields.turns ?? []);
  const draft = fields.draft === true;
  if (draft && ((fields.grade ?? []).length > 0 || turnLists.length > 0))
    problems.add(
      new LastgoodError({
        code: 'SUITE_DRAFT_GRADED',
        message: 'the case is a draft and has graders, which would never count',
        where: whereIn(document, [...path, 'draft'], 'key', id),
        hint: 'remove `draft: true`',
      }),
    );
  const own = [
    ...readGraders(fields.grade ?? [], { document, path: [...path, 'grade'], caseId: id }, reading),
    ...readTurnGraders(turnLists, { document, path, caseId: id }, reading),
  ];
  if (!draft && !defaults.given && (fields.grade ?? []).length === 0 && turnLists.length === 0) {
    const { ungradable } = defaults;
    ungradable.count++;
    if (fields.expected !== undefined) ungradable.withExpected++;
    ungradable.first ??= where();
    return undefined;
  }
  const expected = fields.expected as JsonValue | undefined;
  // Asked of the graders as they are written: bound ones may hold the expected number as their own.
  if (
    !draft &&
    expected !== undefined &&
    !defaults.readExpected &&
    !own.some(({ spec }) => readsExpected(spec))
  )
    defaults.unread.count++;
  const graders = draft
    ? { graders: [], hash: NO_GRADERS }
    : own.length === 0
      ? defaultGraders(defaults, id, expected, where, problems)
      : bound(nameGraders([...defaults.drafts, ...own], id, problems), expected, where, problems);

  const vars = (fields.vars ?? {}) as JsonObject;
  const site = { document, path, caseId: id };
  const said = readConversation(fields, site, problems);
  const params = readCaseParams(fields, site, problems);
  if (said === undefined) return undefined;
  problems.add(...turnsOutOfReach(graders.graders, said.turns?.length ?? 1, where));
  const { turns: unreadTurns, ...canned } = said;
  let turns: Case['turns'];
  let messages: Case['messages'] = null;
  try {
    const asked = fields.messages;
    if (asked !== undefined)
      messages = defaults.fillTime.spend(() => fillMessages(readMessages(asked), vars, site), where);
    if (unreadTurns !== undefined)
      turns = defaults.fillTime.spend(() => fillTurns(unreadTurns, vars, site), where);
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    problems.add(error.code.startsWith('TEMPLATE_') ? withRawHint(error, where()) : error);
    // Each further case would take as long.
    if (error.code === 'TEMPLATE_LIMIT') problems.throwIfAny();
    return undefined;
  }
  const content = {
    vars,
    messages,
    ...(turns === undefined ? {} : { turns }),
    ...canned,
    ...(params === undefined ? {} : { params }),
    expected,
  };
  return {
    id,
    tags: [...new Set([...defaults.tags, ...(fields.tags ?? [])])],
    group: fields.group ?? null,
    critical: fields.critical ?? false,
    ...content,
    graders: graders.graders,
    trials: fields.trials ?? defaults.trials,
    minPassRate: fields['min-pass-rate'] ?? null,
    source: fields.source ?? null,
    meta: (fields.meta ?? {}) as JsonObject,
    contentHash: caseContentHash(content),
    gradersHash: graders.hash,
    where: { file: document.file, line },
  };
}

function bound(
  graders: readonly GraderSpec[],
  expected: JsonValue | undefined,
  where: () => ErrorWhere,
  problems: Problems,
): { graders: GraderSpec[]; hash: string } {
  const ready = graders.map((g) => bindExpected(g, expected, where, (error) => problems.add(error)));
  return { graders: ready, hash: gradersHash(ready) };
}

/** Cases without graders of their own share one list and one hash, unless a default grader looks at `expected`. */
function defaultGraders(
  defaults: Defaults,
  id: string,
  expected: JsonValue | undefined,
  where: () => ErrorWhere,
  problems: Problems,
): { graders: GraderSpec[]; hash: string } {
  let shared = defaults.shared.get('graders');
  if (shared === undefined) {
    const graders = nameGraders(defaults.drafts, id, problems);
    shared = { graders, hash: gradersHash(graders), plain: !graders.some(needsExpected) };
    defaults.shared.set('graders', shared);
  }
  if (shared.plain) return shared;
  const ready = shared.graders.map((g) => bindExpected(g, expected, where, (error) => problems.add(error)));
  return ready.every((g, i) => g === shared.graders[i])
    ? shared
    : { graders: ready, hash: gradersHash(ready) };
}

/** The cases as they are read, with what has to be known of all of them. */
class Gathering {
  readonly cases = new CaseSpill();
  readonly #media = new MediaTotal();
  readonly tags = new Set<string>();
  readonly judged: Needing = { count: 0, first: null };
  readonly embedded: Needing = { count: 0, first: null };
  readonly #byId = new Map<string, number>();
  readonly #twice: { readonly c: Case; readonly other: number }[] = [];

  add(c: Case, characters: number): void {
    const other = this.#byId.get(c.id);
    if (other === undefined) this.#byId.set(c.id, this.cases.length);
    else this.#twice.push({ c, other });
    for (const tag of c.tags) this.tags.add(tag);
    if (c.graders.some(needsJudge)) addNeeding(this.judged, c);
    if (c.graders.some(needsEmbedder)) addNeeding(this.embedded, c);
    this.cases.add(c, characters + this.#media.add(c));
  }

  duplicates(cases: CaseList): LastgoodError[] {
    return this.#twice.map(
      ({ c, other }) =>
        new LastgoodError({
          code: 'SUITE_DUPLICATE_ID',
          message: `another case has the same id; it stands at ${placeOf((cases.at(other) as Case).where)}`,
          where: { ...c.where, caseId: c.id },
          hint: 'ids are unique within a suite: rename one of the two',
        }),
    );
  }
}

/** A floor for a tag that no case has would never gate anything. */
function unknownPolicyTags(
  head: SuiteFile,
  tags: ReadonlySet<string>,
  document: TextDocument,
): LastgoodError[] {
  return Object.keys(head.policy?.tags ?? {})
    .filter((tag) => !tags.has(tag))
    .map((tag) => {
      const near = didYouMean(tag, [...tags]);
      return new LastgoodError({
        code: 'SUITE_UNKNOWN_TAG',
        message: `the policy has a floor for the tag ${quote(tag)}, which no case has`,
        where: whereIn(document, ['policy', 'tags', tag], 'key'),
        hint: near === undefined ? `tags: ${[...tags].sort().join(', ')}` : `did you mean ${quote(near)}?`,
      });
    });
}

// An exported snapshot as a file that was checked to its last line, before any of it is used. Of a large one only what tells its lines apart is in memory.

import type { z } from 'zod';
import { CASE_PAGE, PagedCases } from '../core/case-list.ts';
import { LastgoodError } from '../core/errors.ts';
import type { CaseExam } from '../core/exam.ts';
import { canonicalJson, type JsonObject, type JsonValue, sha256 } from '../core/json.ts';
import { fingerprintLayers, type Release } from '../core/release.ts';
import type { GradedTrial, NewSnapshot } from '../core/snapshot.ts';
import type { Case, Suite } from '../core/suite.ts';
import { codePointLength } from '../core/text.ts';
import type { Trial } from '../core/trial.ts';
import { FORGOTTEN, REMOVED_TEXT } from './content.ts';
import {
  type CaseLine,
  EXPORT_VERSION,
  type ExportLine,
  exportLine,
  type SnapshotLine,
  type TrialLine,
} from './export-format.ts';
import { restoreTexts } from './lifting.ts';
import { LineStore } from './line-store.ts';

/** Characters of the long texts of requests that are remembered; a prompt comes back with nearly every trial. */
const MOST_TEXT = 4 * 1024 * 1024;

const MOST_EXAMS = 2048;

/** Longer lists do not exist, so a higher place is none. */
const MOST_CASES = 2 ** 32 - 1;

/** A whole exported snapshot. */
export class ExportFile {
  readonly header: SnapshotLine;
  readonly #content: Content;
  /** The exams of the cases that were read last, by id. Not weak by case: that would keep every case until the whole heap is swept. */
  readonly #exams = new Map<string, CaseExam>();

  /** Reads and checks every line. Throws `IMPORT_INVALID` with the line. */
  static async read(source: AsyncIterable<string> | Iterable<string>): Promise<ExportFile> {
    const content = new Content();
    let number = 0;
    for await (const raw of source) content.add(raw.replace(/\r?\n?$/, ''), ++number);
    return new ExportFile(content.whole(number), content);
  }

  private constructor(header: SnapshotLine, content: Content) {
    this.header = header;
    this.#content = content;
  }

  /** Its lines as they came, without empty ones. */
  *lines(): Generator<string, void, undefined> {
    const { lines } = this.#content;
    for (let n = 0; n < lines.length; n++) yield lines.at(n);
  }

  /** In the order of the file. */
  *trials(): Generator<GradedTrial, void, undefined> {
    for (const n of this.#content.trialLines) yield this.#content.trial(n);
  }

  snapshot(): NewSnapshot {
    const { header } = this;
    const positions = this.#content.casePlaces;
    const page = (no: number): readonly Case[] =>
      positions.slice(no * CASE_PAGE, (no + 1) * CASE_PAGE).map((line) => this.#case(line));
    return {
      id: header.id,
      purpose: header.purpose,
      suite: {
        ...header.suite,
        cases: positions.length <= CASE_PAGE ? page(0) : new PagedCases(positions.length, page),
      } as Suite,
      release: header.release as unknown as Release,
      judge: header.judge as unknown as Release | null,
      embedder: header.embedder as unknown as Release | null,
      exam: header.exam,
      caseExam: (c) => this.#exams.get(c.id) ?? this.#examOf(c.id),
      plannedTrials: header.plannedTrials,
      startedAt: header.startedAt,
      seed: header.seed,
      labels: header.labels,
      environment: header.environment,
    };
  }

  #case(line: number): Case {
    const { case: c, exam } = this.#content.caseLine(line);
    this.#exams.set(c.id, exam as CaseExam);
    if (this.#exams.size > MOST_EXAMS) this.#exams.delete(this.#exams.keys().next().value as string);
    return { ...c, expected: c.expected } as unknown as Case;
  }

  #examOf(caseId: string): CaseExam {
    return this.#content.caseLine(this.#content.lineOfCase(caseId)).exam as CaseExam;
  }
}

/** What is known of the file while it is read, line by line. */
class Content {
  readonly lines = new LineStore();
  #header: SnapshotLine | null = null;
  #ended = false;
  readonly trialLines: number[] = [];
  /** Line of each case, by its place in the suite. */
  readonly casePlaces: number[] = [];
  #cases = 0;
  /** A number for each case id that was named, in the order they came. */
  readonly #caseNos = new Map<string, number>();
  readonly #caseLines: (number | undefined)[] = [];
  readonly #seen: SeenTrials[] = [];
  readonly #textLines = new Map<string, number>();
  readonly #texts = new Map<string, string>();
  #textChars = 0;

  add(text: string, number: number): void {
    if (text === '') return;
    const value = parseLine(text, number);
    const at = this.lines.add(text);
    if (this.#ended) throw invalid('there is something after the end line', number);
    if ((this.#header === null) !== (value.kind === 'snapshot'))
      throw invalid(
        this.#header === null ? 'the first line must be the snapshot' : 'a second snapshot begins',
        number,
      );
    switch (value.kind) {
      case 'snapshot':
        for (const release of [value.release, value.judge, value.embedder]) {
          if (release !== null) checkFingerprint(release as unknown as Release, number);
        }
        if (value.plannedTrials < 0) throw invalid('the planned trials are negative', number);
        this.#header = value;
        break;
      case 'case':
        this.#addCase(value, at, number);
        break;
      case 'text':
        if (sha256(value.text) !== value.sha256)
          throw invalid('the text does not have the hash it is filed under', number);
        this.#textLines.set(value.sha256, at);
        this.#remember(value.sha256, value.text);
        break;
      case 'trial':
        gradedTrial(value, (sha) => this.#text(sha), number);
        this.#addTrial(value, at, number);
        break;
      case 'end':
        if (value.cases !== this.#cases || value.trials !== this.trialLines.length)
          throw invalid(
            `it has ${this.#cases} cases and ${this.trialLines.length} trials, its end line says ${value.cases} and ${value.trials}`,
            number,
          );
        this.#ended = true;
        break;
    }
  }

  /** The header of a file that has all it says. */
  whole(number: number): SnapshotLine {
    if (this.#header === null || !this.#ended)
      throw invalid('the end line is missing: the file is cut off', Math.max(1, number));
    for (const [id, no] of this.#caseNos)
      if (this.#caseLines[no] === undefined) throw invalid(`a trial is of case "${id}", which is not there`);
    // As many places as cases and none twice: with all of them below that number, they are 0, 1, 2, …
    if (this.casePlaces.length !== this.#cases)
      throw invalid('the positions of the cases are not 0, 1, 2, …');
    return this.#header;
  }

  trial(n: number): GradedTrial {
    return gradedTrial(this.#line<TrialLine>(n), (sha) => this.#text(sha), n + 1);
  }

  caseLine(n: number): CaseLine {
    return this.#line<CaseLine>(n);
  }

  lineOfCase(caseId: string): number {
    return this.#caseLines[this.#caseNos.get(caseId) as number] as number;
  }

  /** A line that was checked when it was added. */
  #line<T extends ExportLine>(n: number): T {
    return JSON.parse(this.lines.at(n)) as T;
  }

  #addCase(value: CaseLine, at: number, number: number): void {
    const no = this.#caseNo(value.case.id);
    if (this.#caseLines[no] !== undefined) throw invalid('two cases have one id', number);
    this.#caseLines[no] = at;
    if (value.position >= MOST_CASES || this.casePlaces[value.position] !== undefined)
      throw invalid('the positions of the cases are not 0, 1, 2, …', number);
    this.casePlaces[value.position] = at;
    this.#cases++;
  }

  #addTrial({ trial }: TrialLine, at: number, number: number): void {
    const no = this.#caseNo(trial.caseId);
    this.trialLines.push(at);
    let seen = this.#seen[no];
    if (seen === undefined) {
      seen = { below: 0, others: null };
      this.#seen[no] = seen;
    }
    if (trial.trial < seen.below || seen.others?.has(trial.trial))
      throw invalid(`trial ${trial.trial} of case "${trial.caseId}" is there twice`, number);
    if (trial.trial === seen.below) seen.below++;
    else {
      seen.others ??= new Set();
      seen.others.add(trial.trial);
    }
  }

  #caseNo(id: string): number {
    let no = this.#caseNos.get(id);
    if (no === undefined) {
      no = this.#caseNos.size;
      this.#caseNos.set(id, no);
    }
    return no;
  }

  #text(sha: string): string | undefined {
    const known = this.#texts.get(sha);
    if (known !== undefined) return known;
    const at = this.#textLines.get(sha);
    if (at === undefined) return undefined;
    const { text } = JSON.parse(this.lines.at(at)) as { text: string };
    this.#remember(sha, text);
    return text;
  }

  #remember(sha: string, text: string): void {
    this.#textChars += text.length;
    if (this.#textChars > MOST_TEXT) {
      this.#texts.clear();
      this.#textChars = text.length;
    }
    this.#texts.set(sha, text);
  }
}

/** Trials of a case that were read: all below a number, and others. */
interface SeenTrials {
  below: number;
  others: Set<number> | null;
}

function parseLine(text: string, number: number): ExportLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`the line is no JSON (${(error as Error).message})`, number);
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > EXPORT_VERSION)
    throw invalid(
      `its format is version ${version}, this lastgood reads up to ${EXPORT_VERSION}`,
      number,
      'update lastgood to at least the version that exported it',
    );
  const checked = exportLine.safeParse(value);
  if (!checked.success) throw invalid(problemOf(checked.error), number);
  // Not what zod made of it, which lacks keys named `__proto__`.
  return value as ExportLine;
}

/** The first thing that is wrong with a line, in one sentence. */
function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join('.') ?? '';
  if (path === 'kind') return 'the line is of no kind that an export has';
  return `${path === '' ? 'the line' : `"${path}"`} is not as expected (${issue?.message ?? 'no reason'})`;
}

/** A release whose content was changed after the run would carry a fingerprint it does not have. */
function checkFingerprint(release: Release, number: number): void {
  const { fingerprint, layerHashes } = fingerprintLayers(release.layers);
  const same = canonicalJson(layerHashes as JsonObject) === canonicalJson(release.layerHashes as JsonObject);
  // A text that was forgotten is gone from the layers, too; the fingerprint still names what ran.
  if ((fingerprint !== release.fingerprint || !same) && !wasForgotten(release))
    throw invalid(`the layers of release "${release.name}" do not have the fingerprint it states`, number);
}

function wasForgotten(release: Release): boolean {
  const layers = JSON.stringify(release.layers);
  return layers.includes(REMOVED_TEXT) || layers.includes(FORGOTTEN);
}

function gradedTrial(
  value: TrialLine,
  textOf: (sha: string) => string | undefined,
  number: number,
): GradedTrial {
  const { trial, measures, grades, judgeCostUsd } = value;
  const found = value.texts.map((sha) => {
    const text = textOf(sha);
    if (text === undefined) throw invalid(`the text ${sha} it refers to is not there`, number);
    return text;
  });
  let sent: JsonValue = null;
  try {
    sent = trial.sent === null ? null : restoreTexts(trial.sent, found);
  } catch (error) {
    throw invalid((error as Error).message, number);
  }
  const whole = { ...trial, sent } as Trial;
  return {
    trial: wasRemoved(value) ? { ...whole, ...REMOVED } : whole,
    measures,
    grades,
    judgeCostUsd,
  } as GradedTrial;
}

/** What stands in the place of a removed answer, and where its hash is not known, that of what stands there. */
const REMOVED = {
  removedOutputHash: sha256(canonicalJson({ text: REMOVED_TEXT, toolCalls: [] })),
};

/** Did the ledger not have the answer? Exports made before removed answers had a mark of their own: no answer is as long as the one that was measured and says this. */
export function wasRemoved({ trial, measures }: Pick<TrialLine, 'trial' | 'measures'>): boolean {
  return (
    trial.status === 'answered' &&
    trial.removedOutputHash === undefined &&
    trial.output.text === REMOVED_TEXT &&
    measures.length !== codePointLength(REMOVED_TEXT)
  );
}

function invalid(
  why: string,
  line?: number,
  remedy = 'export it again with `lastgood export`',
): LastgoodError {
  return new LastgoodError({
    code: 'IMPORT_INVALID',
    message: `This is no whole exported snapshot: ${why}.`,
    hint: `${remedy}; nothing of it was imported`,
    where: { line },
  });
}

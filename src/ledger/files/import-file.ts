// An exported snapshot as a file, checked to its last line before any of it is used. Of a large one only line positions stay in memory.

import { sha256 } from '../../base/json.ts';
import { CASE_PAGE, PagedCases } from '../../core/case-list.ts';
import type { CaseExam } from '../../core/exam.ts';
import type { Release } from '../../core/release.ts';
import type { GradedTrial, ImportedBlessing, NewSnapshot } from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { sharedRelease } from '../model/portable-paths.ts';
import type {
  BlessingLine,
  CaseLine,
  EndLine,
  ExportLine,
  SnapshotLine,
  TrialLine,
} from './export-format.ts';
import { checkCase, checkRelease, checkTrialNumbers, checkWhole, invalid } from './import-checks.ts';
import { checkBlessing, gradedTrial, parseLine } from './import-line.ts';
import { LineStore } from './line-store.ts';

/** Characters of the long texts of requests that are remembered; a prompt comes back with nearly every trial. */
const MOST_TEXT = 4 * 1024 * 1024;

const MOST_EXAMS = 2048;

/** As the suite file's schema has it: no part of a path. */
const SUITE_NAME = /^[A-Za-z0-9][\w.-]*$/;

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

  /** Its lines as they came, without empty ones and without blessings, which are no part of the snapshot. */
  *lines(): Generator<string, void, undefined> {
    const { lines, blessingLines } = this.#content;
    for (let n = 0; n < lines.length; n++) if (!blessingLines.has(n)) yield lines.at(n);
  }

  /** In the order of the file. */
  *trials(): Generator<GradedTrial, void, undefined> {
    for (const n of this.#content.trialLines) yield this.#content.trial(n);
  }

  /** What the file says of who blessed it. */
  blessings(): ImportedBlessing[] {
    return [...this.#content.blessingLines].map((n) => {
      const { kind: _kind, ...said } = this.#content.blessingLine(n);
      return { ...said, snapshot: this.header.id };
    });
  }

  /** Each case with its trials, in the order of the suite, as the file has them. */
  *examined(): Generator<ExaminedLine, void, undefined> {
    const trialsOf = this.#content.trialsByCase();
    for (const n of this.#content.casePlaces) {
      const { case: c, altered = [] } = this.#content.caseLine(n);
      yield {
        case: { ...c, expected: c.expected } as unknown as Case,
        altered,
        line: this.#content.numberOf(n),
        trials: (trialsOf.get(c.id) ?? []).map((t) => ({
          row: this.#content.trial(t),
          line: this.#content.numberOf(t),
        })),
      };
    }
  }

  snapshot(): NewSnapshot {
    const { header } = this;
    const positions = this.#content.casePlaces;
    const page = (no: number): readonly Case[] =>
      positions.slice(no * CASE_PAGE, (no + 1) * CASE_PAGE).map((line) => this.#case(line));
    return {
      id: header.id,
      imported: true,
      purpose: header.purpose,
      suite: {
        ...header.suite,
        cases: positions.length <= CASE_PAGE ? page(0) : new PagedCases(positions.length, page),
      } as Suite,
      release: sharedRelease(header.release as unknown as Release),
      judge: header.judge === null ? null : sharedRelease(header.judge as unknown as Release),
      embedder: header.embedder === null ? null : sharedRelease(header.embedder as unknown as Release),
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

/** A case of a file with its trials, and the lines they stand on. */
export interface ExaminedLine {
  readonly case: Case;
  readonly altered: readonly ('content' | 'graders')[];
  readonly line: number;
  readonly trials: readonly { readonly row: GradedTrial; readonly line: number }[];
}

/** What is known of the file while it is read, line by line. */
class Content {
  readonly lines = new LineStore();
  readonly blessingLines = new Set<number>();
  /** Line in the file of each line that was kept, where empty ones stand before it. */
  readonly #skipped: { readonly from: number; readonly by: number }[] = [];
  #header: SnapshotLine | null = null;
  #ended = false;
  #altered: NonNullable<EndLine['altered']> = [];
  readonly trialLines: number[] = [];
  /** Number of the case of each of them. */
  readonly #trialCases: number[] = [];
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

  /** Number in the file, from 1. */
  numberOf(at: number): number {
    return at + 1 + (this.#skipped.findLast((s) => s.from <= at)?.by ?? 0);
  }

  add(text: string, number: number): void {
    if (text === '') return;
    const value = parseLine(text, number);
    const at = this.lines.add(text);
    if (number !== this.numberOf(at)) this.#skipped.push({ from: at, by: number - at - 1 });
    if (this.#ended) throw invalid('there is something after the end line', number);
    if ((this.#header === null) !== (value.kind === 'snapshot'))
      throw invalid(
        this.#header === null ? 'the first line must be the snapshot' : 'a second snapshot begins',
        number,
      );
    switch (value.kind) {
      case 'snapshot':
        for (const release of [value.release, value.judge, value.embedder]) {
          if (release !== null) checkRelease(release as unknown as Release, number);
        }
        if (!SUITE_NAME.test(value.suite.name))
          throw invalid(
            `the suite's name ${JSON.stringify(value.suite.name)} is none that a suite can have`,
            number,
          );
        this.#header = value;
        break;
      case 'blessing':
        this.#addBlessing(value, at, number);
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
        checkTrialNumbers(value, number);
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
        this.#altered = value.altered ?? [];
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
    checkWhole(this.#header, this.#caseLinesInOrder(), this.#altered);
    return this.#header;
  }

  /** Lines of trials by case id. */
  trialsByCase(): Map<string, number[]> {
    const byNo: number[][] = [];
    this.trialLines.forEach((line, i) => {
      const no = this.#trialCases[i] as number;
      const some = byNo[no];
      if (some === undefined) byNo[no] = [line];
      else some.push(line);
    });
    return new Map([...this.#caseNos].map(([id, no]) => [id, byNo[no] ?? []]));
  }

  trial(n: number): GradedTrial {
    return gradedTrial(this.#line<TrialLine>(n), (sha) => this.#text(sha), this.numberOf(n));
  }

  blessingLine(n: number): BlessingLine {
    return this.#line<BlessingLine>(n);
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

  *#caseLinesInOrder(): Generator<CaseLine, void, undefined> {
    for (const n of this.casePlaces) yield this.caseLine(n);
  }

  #addBlessing(value: BlessingLine, at: number, number: number): void {
    const { suite, release } = this.#header as SnapshotLine;
    checkBlessing(value, { suite: suite.name, fingerprint: release.fingerprint }, number);
    this.blessingLines.add(at);
  }

  #addCase(value: CaseLine, at: number, number: number): void {
    checkCase(value, number);
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
    this.#trialCases.push(no);
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

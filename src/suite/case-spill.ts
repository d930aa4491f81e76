// Where the cases of a suite go while it is read: into memory, or, once there is much of them, into a file without a name.

import { ScratchFile } from '../base/scratch-file.ts';
import { CASE_PAGE, type CaseList, PagedCases } from '../core/case-list.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import type { Case } from '../core/suite.ts';

/** Characters of case text that are kept in memory; a suite of 10,000 ordinary cases stays below. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** Gathers cases, one by one, and gives them back as a list. */
export class CaseSpill {
  readonly #most: number;
  #characters = 0;
  #held: Case[] = [];
  #file: PageFile | null = null;
  #length = 0;

  constructor(options: { readonly mostCharacters?: number } = {}) {
    this.#most = options.mostCharacters ?? MOST_CHARACTERS;
  }

  get length(): number {
    return this.#length;
  }

  /** `characters`: about how much text the case is. Throws SUITE_TEMP_FILE where a large suite cannot be set aside. */
  add(c: Case, characters: number): void {
    this.#held.push(c);
    this.#length++;
    this.#characters += characters;
    if (this.#file === null && this.#characters > this.#most) this.#file = new PageFile();
    if (this.#file !== null) this.#writePages(CASE_PAGE);
  }

  /** All cases, in the order they came. Nothing may be added afterwards. */
  list(): CaseList {
    if (this.#file === null) return this.#held;
    this.#writePages(1);
    const file = this.#file;
    return new PagedCases(this.#length, (page) => file.read(page));
  }

  #writePages(least: number): void {
    while (this.#held.length >= least) this.#file?.write(this.#held.splice(0, CASE_PAGE));
  }
}

class PageFile {
  readonly #file = new ScratchFile('SUITE_TEMP_FILE', 'the suite is large, and its cases');
  readonly #starts: number[] = [0];
  /** Lists of graders that many cases have in common, so that each is compiled once. */
  readonly #common: (readonly GraderSpec[])[] = [];
  readonly #commonNo = new Map<readonly GraderSpec[], number>();

  write(cases: readonly Case[]): void {
    const bytes = Buffer.from(
      JSON.stringify(cases.map(({ graders, ...c }) => ({ ...c, graders: this.#numbered(graders) }))),
    );
    this.#file.append(bytes);
    this.#starts.push(this.#file.length);
  }

  read(page: number): Case[] {
    const from = this.#starts[page] as number;
    const text = this.#file.text(from, (this.#starts[page + 1] as number) - from);
    const cases = JSON.parse(text) as (Omit<Case, 'graders'> & {
      graders: GraderSpec[] | number;
    })[];
    return cases.map((c) => ({
      ...c,
      expected: c.expected,
      graders: typeof c.graders === 'number' ? (this.#common[c.graders] as GraderSpec[]) : c.graders,
    }));
  }

  /** A list that comes again is told by its number. */
  #numbered(graders: readonly GraderSpec[]): readonly GraderSpec[] | number {
    const known = this.#commonNo.get(graders);
    if (known !== undefined) return known;
    if (this.#last !== graders) {
      this.#last = graders;
      return graders;
    }
    this.#common.push(graders);
    this.#commonNo.set(graders, this.#common.length - 1);
    return this.#common.length - 1;
  }

  #last: readonly GraderSpec[] | null = null;
}

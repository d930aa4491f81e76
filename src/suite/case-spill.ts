// Where the cases of a suite go while it is read: into memory, or, once there is much of them, into a file without a name.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CASE_PAGE, type CaseList, PagedCases } from '../core/case-list.ts';
import { LastgoodError } from '../core/errors.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import type { Case } from '../core/suite.ts';

/** Characters of case text that are kept in memory; a suite of 10,000 ordinary cases stays below. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** The file is gone from its folder as soon as it is open; this gives its space back when nothing reads it any more. */
const openFiles = new FinalizationRegistry<number>((file) => closeSync(file));

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
  readonly #fd: number;
  readonly #starts: number[] = [0];
  /** Lists of graders that many cases have in common, so that each is compiled once. */
  readonly #common: (readonly GraderSpec[])[] = [];
  readonly #commonNo = new Map<readonly GraderSpec[], number>();

  constructor() {
    try {
      const folder = mkdtempSync(join(tmpdir(), 'lastgood-suite-'));
      try {
        this.#fd = openSync(join(folder, 'cases'), 'wx+', 0o600);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    } catch (cause) {
      throw cannotSetAside(cause as NodeJS.ErrnoException);
    }
    openFiles.register(this, this.#fd);
  }

  write(cases: readonly Case[]): void {
    const bytes = Buffer.from(
      JSON.stringify(cases.map(({ graders, ...c }) => ({ ...c, graders: this.#numbered(graders) }))),
    );
    let at = this.#starts.at(-1) as number;
    try {
      for (let done = 0; done < bytes.length; ) {
        const wrote = writeSync(this.#fd, bytes, done, bytes.length - done, at);
        done += wrote;
        at += wrote;
      }
    } catch (cause) {
      throw cannotSetAside(cause as NodeJS.ErrnoException);
    }
    this.#starts.push(at);
  }

  read(page: number): Case[] {
    const from = this.#starts[page] as number;
    const bytes = Buffer.allocUnsafe((this.#starts[page + 1] as number) - from);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(this.#fd, bytes, done, bytes.length - done, from + done);
      if (got === 0) throw new Error('the file that holds the cases of a large suite has become shorter');
      done += got;
    }
    const cases = JSON.parse(bytes.toString()) as (Omit<Case, 'graders'> & {
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

function cannotSetAside(cause: NodeJS.ErrnoException): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_TEMP_FILE',
    message: `the suite is large, and its cases could not be set aside in ${tmpdir()}: ${cause.message}`,
    hint: 'make room there, or set TMPDIR to a folder that has some',
    cause,
  });
}

// Writes what an import found: cases and recordings as they come, the suite and its releases at the end. Nothing is at its place before all is.

import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LastgoodError } from '../../base/errors.ts';
import { contentHash, type JsonObject, type JsonValue, wellFormed } from '../../base/json.ts';
import { unwritable } from '../../base/replace-file.ts';
import { caseId, caseKey, slug } from '../../intake/parts/case-id.ts';
import type { FoundCase, FoundFrame, FoundRecording } from '../../intake/parts/found.ts';
import type { Losses } from '../../intake/parts/losses.ts';
import { Buffered } from './buffered-file.ts';
import type { Cleaning } from './cleaning.ts';
import { lineRecords } from './records.ts';
import { caseLine, recordingLine, suiteFile, yaml } from './suite-lines.ts';

export interface WriterInput {
  readonly dir: string;
  readonly overwrite: boolean;
  readonly dryRun: boolean;
  readonly cleaning: Cleaning;
  readonly losses: Losses;
  readonly limit: number | undefined;
  readonly sample: { readonly size: number; readonly seed: number } | undefined;
}

export interface Written {
  readonly cases: number;
  readonly drafts: number;
  readonly duplicates: number;
  readonly releases: number;
  readonly recordings: number;
  readonly labels: number;
  readonly files: readonly string[];
  readonly recorded: string | null;
}

/** What is kept in memory of a case. */
interface Entry {
  readonly id: string;
  readonly draft: boolean;
  trials: number | undefined;
  /** Recordings by the number of their release. */
  readonly counts: number[];
}

/** A recorded release while its recordings come in. */
interface Recorded {
  readonly name: string;
  /** What the source calls it. */
  readonly from: string;
  file: Buffered | null;
  readonly model: Set<string>;
  readonly labels: string[];
}

/** More recorded releases than anybody compares; each has a file. */
const MOST_RELEASES = 500;

export class SuiteWriter {
  readonly #input: WriterInput;
  readonly #entries = new Map<string, Entry>();
  readonly #ids = new Set<string>();
  readonly #records = new Set<string>();
  readonly #releases: Recorded[] = [];
  readonly #part: string;
  #cases: Buffered | null = null;
  #duplicates = 0;
  #full = false;

  constructor(input: WriterInput) {
    this.#input = input;
    this.#part = input.dryRun ? '' : this.#begin();
  }

  /** True when no further case is taken. */
  get full(): boolean {
    return this.#full;
  }

  /** True while there is no case: then nothing must be written. */
  get empty(): boolean {
    return this.#entries.size === 0;
  }

  #begin(): string {
    const { dir, overwrite } = this.#input;
    if (!overwrite)
      for (const name of [
        'suite.yaml',
        'cases.jsonl',
        'releases',
        'prompts',
        'recordings',
        'graders',
        'labels',
        'adapters',
      ])
        if (existsSync(join(dir, name)))
          throw new LastgoodError({
            code: 'IMPORT_EXISTS',
            message: `${join(dir, name)} is there already, and an import replaces no file by itself`,
            where: { file: join(dir, name) },
            hint: 'choose another folder with --to, or replace the files with --overwrite',
          });
    try {
      mkdirSync(dir, { recursive: true });
      return mkdtempSync(join(dir, '.import-'));
    } catch (cause) {
      throw unwritable('the import', dir, cause as NodeJS.ErrnoException);
    }
  }

  /** One case with its recordings. A case whose content is known only adds its recordings. */
  add(raw: FoundCase): void {
    const found = this.#input.cleaning.case(raw);
    const key = caseKey(found);
    if (this.#isRepeated(raw, key)) {
      this.#duplicates++;
      return;
    }
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (raw.joins !== true) this.#duplicates++;
      for (const recording of found.recordings ?? []) this.#record(known, recording);
      return;
    }
    if (this.#input.limit !== undefined && this.#entries.size >= this.#input.limit) {
      this.#full = true;
      return;
    }
    const id = this.#freeId(caseId(found, key));
    const draft = (found.grade ?? []).length === 0;
    const entry: Entry = { id, draft, trials: found.trials, counts: [] };
    this.#entries.set(key, entry);
    this.#write(caseLine(id, found, draft));
    for (const recording of found.recordings ?? []) this.#record(entry, recording);
  }

  /** The same record again, as two exports or two instrumentations bring it: same id, question and answer. */
  #isRepeated({ recordId, source, recordings }: FoundCase, key: string): boolean {
    if (recordId === undefined) return false;
    const answers = (recordings ?? []).map((r) => [r.release, r.output ?? null, r.error ?? null]);
    const record = contentHash(wellFormed([source.kind, recordId, key, answers] as JsonValue)).slice(0, 24);
    if (this.#records.has(record)) return true;
    this.#records.add(record);
    return false;
  }

  #freeId(wanted: string): string {
    let id = wanted;
    // Two cases of one source id: the second is known by its content.
    for (let n = 2; this.#ids.has(id); n++) id = `${wanted}-${n}`;
    this.#ids.add(id);
    return id;
  }

  #write(line: JsonObject): void {
    if (this.#part === '') return;
    this.#cases ??= new Buffered(join(this.#part, 'found.jsonl'));
    this.#cases.write(`${JSON.stringify(wellFormed(line))}\n`);
  }

  #record(entry: Entry, raw: FoundRecording): void {
    const recording = this.#input.cleaning.recording(raw);
    let at = this.#releases.findIndex((r) => r.from === recording.release);
    if (at < 0) {
      if (this.#releases.length >= MOST_RELEASES) {
        this.#input.losses.dropped('recording', `more than ${MOST_RELEASES} recorded releases`, {
          file: recording.release,
          line: null,
        });
        return;
      }
      const taken = new Set(this.#releases.map((r) => r.name));
      const wanted = slug(recording.release, 60) || 'recorded';
      let name = wanted;
      for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
      at =
        this.#releases.push({ name, from: recording.release, file: null, model: new Set(), labels: [] }) - 1;
    }
    const release = this.#releases[at] as Recorded;
    if (recording.model !== undefined && release.model.size < 3) release.model.add(recording.model);
    const trial = entry.counts[at] ?? 0;
    for (let i = entry.counts.length; i < at; i++) entry.counts[i] = 0;
    entry.counts[at] = trial + 1;
    for (const human of recording.human ?? [])
      release.labels.push(JSON.stringify({ case: entry.id, trial, human, release: release.name }));
    if (this.#part === '') return;
    release.file ??= new Buffered(join(this.#part, `${release.name}.found.jsonl`));
    release.file.write(`${JSON.stringify(wellFormed(recordingLine(entry.id, recording)))}\n`);
  }

  /** Puts everything at its place. */
  finish(frame: FoundFrame, name: string): Written {
    const { dryRun, cleaning } = this.#input;
    const chosen = this.#chosen();
    const entries = [...this.#entries.values()].filter((e) => chosen === null || chosen.has(e.id));
    const taken = new Set(frame.releases.map((r) => r.name));
    const recorded = this.#releases.map((r) => ({ ...r, release: freeName(r.name, taken) }));
    const counts = recorded.map((_, at) => entries.reduce((n, e) => n + (e.counts[at] ?? 0), 0));
    const labels = recorded.flatMap((r) =>
      r.labels.filter((l) => chosen === null || chosen.has((JSON.parse(l) as { case: string }).case)),
    );
    const files = new Map<string, string>();
    for (const { path, text } of frame.files) files.set(path, cleaning.text(text));
    for (const { name: release, file } of frame.releases)
      files.set(`releases/${release}.yaml`, yaml(cleaning.json(file)));
    for (const [at, r] of recorded.entries())
      if ((counts[at] ?? 0) > 0)
        files.set(
          `releases/${r.release}.yaml`,
          yaml({
            name: r.release,
            route: {
              provider: 'replay',
              file: `../recordings/${r.name}.jsonl`,
              ...(r.model.size === 1 ? { model: [...r.model][0] as string } : {}),
            },
          }),
        );
    files.set('suite.yaml', yaml(suiteFile(name, frame, cleaning)));
    for (const r of recorded) {
      const own = labels.filter((l) => (JSON.parse(l) as { release: string }).release === r.name);
      if (own.length > 0)
        files.set(`labels/${r.release}.jsonl`, `${own.map((l) => withoutRelease(l)).join('\n')}\n`);
    }
    const written = [
      ...files.keys(),
      'cases.jsonl',
      ...recorded.filter((_, at) => (counts[at] ?? 0) > 0).map((r) => `recordings/${r.name}.jsonl`),
    ];
    if (!dryRun) this.#place(files, entries, chosen, recorded, counts);
    const first = recorded[counts.findIndex((n) => n > 0)];
    return {
      cases: entries.length,
      drafts: entries.filter((e) => e.draft).length,
      duplicates: this.#duplicates,
      releases: [...files.keys()].filter((f) => f.startsWith('releases/')).length,
      recordings: counts.reduce((a, b) => a + b, 0),
      labels: labels.length,
      files: written.sort(),
      recorded: first === undefined ? null : `releases/${first.release}.yaml`,
    };
  }

  /** Ids of the sample: those whose hash with the seed is smallest, whatever their order in the source. null = all. */
  #chosen(): ReadonlySet<string> | null {
    const { sample } = this.#input;
    if (sample === undefined || this.#entries.size <= sample.size) return null;
    const drawn = [...this.#entries].map(([key, { id }]) => ({ id, at: contentHash([sample.seed, key]) }));
    drawn.sort((a, b) => (a.at < b.at ? -1 : 1));
    return new Set(drawn.slice(0, sample.size).map(({ id }) => id));
  }

  #place(
    files: ReadonlyMap<string, string>,
    entries: readonly Entry[],
    chosen: ReadonlySet<string> | null,
    recorded: readonly { readonly name: string; readonly file: Buffered | null }[],
    counts: readonly number[],
  ): void {
    const { dir } = this.#input;
    try {
      this.#cases?.close();
      for (const r of recorded) r.file?.close();
      const trials = new Map(entries.map((e) => [e.id, trialsOf(e, counts)]));
      const cases = new Buffered(join(this.#part, 'cases.jsonl'));
      for (const record of this.#cases === null ? [] : lineRecords(join(this.#part, 'found.jsonl'))) {
        if (!('text' in record)) throw new Error(record.problem);
        const line = JSON.parse(record.text) as JsonObject & { id: string };
        if (chosen !== null && !chosen.has(line.id)) continue;
        const n = trials.get(line.id) ?? 1;
        cases.write(n === 1 ? `${record.text}\n` : `${JSON.stringify({ ...line, trials: n })}\n`);
      }
      cases.close();
      for (const [path, text] of files) put(join(dir, path), (part) => writeFileSync(part, text));
      put(join(dir, 'cases.jsonl'), (part) => renameSync(join(this.#part, 'cases.jsonl'), part));
      for (const [at, r] of recorded.entries()) {
        if ((counts[at] ?? 0) === 0) continue;
        const from = join(this.#part, `${r.name}.found.jsonl`);
        put(join(dir, 'recordings', `${r.name}.jsonl`), (part) =>
          chosen === null ? renameSync(from, part) : filtered(from, part, chosen),
        );
      }
    } catch (cause) {
      if (cause instanceof LastgoodError || (cause as NodeJS.ErrnoException).code === undefined) throw cause;
      throw unwritable('the import', dir, cause as NodeJS.ErrnoException);
    } finally {
      this.discard();
    }
  }

  /** Removes what was not put at its place. */
  discard(): void {
    if (this.#part !== '') rmSync(this.#part, { recursive: true, force: true });
  }
}

/** Writes beside the target first. A link at the place of a file is replaced, never followed. */
function put(target: string, write: (part: string) => void): void {
  const folder = dirname(target);
  mkdirSync(folder, { recursive: true });
  if (lstatSync(folder).isSymbolicLink())
    throw new LastgoodError({
      code: 'IMPORT_EXISTS',
      message: `${folder} is a link, expected a folder`,
      where: { file: folder },
      hint: 'choose another folder with --to',
    });
  const part = `${target}.part`;
  rmSync(part, { force: true });
  write(part);
  renameSync(part, target);
}

function filtered(from: string, to: string, chosen: ReadonlySet<string>): void {
  const out = new Buffered(to);
  for (const record of lineRecords(from))
    if ('text' in record && chosen.has((JSON.parse(record.text) as { case_id: string }).case_id))
      out.write(`${record.text}\n`);
  out.close();
}

/** As many trials as every recorded release that knows the case has recordings of it. */
function trialsOf({ trials, counts }: Entry, all: readonly number[]): number {
  if (trials !== undefined) return trials;
  const recorded = all.map((n, at) => (n > 0 ? (counts[at] ?? 0) : 0)).filter((n) => n > 0);
  return recorded.length === 0 ? 1 : Math.min(...recorded);
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = taken.has(wanted) ? `${wanted}-recorded` : wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-recorded-${n}`;
  taken.add(name);
  return name;
}

function withoutRelease(line: string): string {
  const { release: _release, ...rest } = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify(rest);
}

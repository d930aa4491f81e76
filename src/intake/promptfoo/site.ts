// What every part of the promptfoo reader needs: where it is in the source, the account, the files, and what was allowed.

import { type DocumentPath, dottedKey, readDocument, type TextDocument } from '../../base/document.ts';
import { LastgoodError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, sha256 } from '../../base/json.ts';
import { compileText, fillText } from '../../base/template.ts';
import type { FoundFile, Place } from '../parts/found.ts';
import { type Losses, quoted } from '../parts/losses.ts';
import { toLiquid } from './nunjucks.ts';

/** Files that the source names. Paths are relative to the folder of the file that is imported. */
export interface SourceFiles {
  /** Throws LastgoodError for a file that is missing, too large, or outside the project. */
  read(path: string): { readonly text: string; readonly file: string };
  /** Paths that a glob matches, sorted. */
  list(pattern: string): readonly string[];
}

/** Files that the import writes beside the suite; the same content is written once. */
export class FileSink {
  readonly #files = new Map<string, string>();

  /** The path under which the text stands: the wanted one, or one with a number. */
  add(path: string, text: string): string {
    const dot = path.lastIndexOf('.');
    const [stem, ending] = dot < 0 ? [path, ''] : [path.slice(0, dot), path.slice(dot)];
    for (let n = 1; ; n++) {
      const name = n === 1 ? path : `${stem}-${n}${ending}`;
      const there = this.#files.get(name);
      if (there === text) return name;
      if (there !== undefined) continue;
      this.#files.set(name, text);
      return name;
    }
  }

  list(): FoundFile[] {
    return [...this.#files].map(([path, text]) => ({ path, text }));
  }
}

/** Shared by the whole import of one source. */
export interface Reading {
  readonly losses: Losses;
  readonly files: SourceFiles;
  readonly sink: FileSink;
  readonly allowCode: boolean;
  /** What was reported of which place: a default stands in every test and is one construct. */
  readonly seen: Set<string>;
}

/** A value of the source with its place. */
export class Site {
  readonly reading: Reading;
  readonly document: TextDocument;
  readonly path: DocumentPath;

  constructor(reading: Reading, document: TextDocument, path: DocumentPath = []) {
    this.reading = reading;
    this.document = document;
    this.path = path;
  }

  at(...steps: DocumentPath): Site {
    return new Site(this.reading, this.document, [...this.path, ...steps]);
  }

  get value(): JsonValue | undefined {
    let value: JsonValue | undefined = this.document.value;
    for (const step of this.path)
      value = Array.isArray(value)
        ? (value as readonly JsonValue[])[Number(step)]
        : isJsonObject(value)
          ? value[step]
          : undefined;
    return value;
  }

  place(of: 'value' | 'key' = 'value'): Place {
    return { file: this.document.file, line: this.document.locate(this.path, of).line };
  }

  get losses(): Losses {
    return this.reading.losses;
  }

  /** Counts this construct once, and not where it was approximated. */
  mapped(): void {
    if (this.#isNew('approximated') && this.#isNew('mapped', true)) this.losses.mapped();
  }

  approximated(construct: string, how: string): void {
    this.#isNew('approximated', true);
    if (this.#isNew(`approximated ${construct} ${how}`, true))
      this.losses.approximated(construct, how, this.place());
  }

  dropped(construct: string, why: string): undefined {
    if (this.#isNew(`dropped ${construct} ${why}`, true)) this.losses.dropped(construct, why, this.place());
    return undefined;
  }

  #isNew(what: string, note = false): boolean {
    const { file, line } = this.place();
    const id = `${file}:${line}:${this.key}:${what}`;
    const before = this.reading.seen.has(id);
    if (note) this.reading.seen.add(id);
    return !before;
  }

  /** Reports keys that are not known, and values that are known to be without an equal. */
  keys(value: JsonObject, known: ReadonlySet<string>, what: string): void {
    for (const key of Object.keys(value))
      if (!known.has(key) && this.#isNew(`unknown ${key}`, true))
        this.losses.dropped(`${what}key ${quoted(key)}`, 'unknown key', this.at(key).place('key'));
  }

  /** A name for this value in messages: `tests[3].assert[0]`. */
  get key(): string {
    return dottedKey(this.path);
  }
}

/** Text that is filled in now, with the variables of one case; null where it holds what cannot be filled (reported). */
export function rendered(text: string, vars: JsonObject, site: Site, what: string): string | null {
  const liquid = toLiquid(text);
  if (liquid.unsupported.length > 0) {
    site.dropped(what, `its template holds ${liquid.unsupported.join(', ')}, which has no equal here`);
    return null;
  }
  if (liquid.text === text && !/\{[{%]/.test(text)) return text;
  const all: Record<string, JsonValue | undefined> = { ...vars };
  for (const name of liquid.variables) if (!Object.hasOwn(all, name)) all[name] = '';
  try {
    return fillText(compileText(liquid.text, { file: site.document.file, key: site.key }), all, {
      caseId: site.key,
      file: site.document.file,
    });
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    site.dropped(what, `its template cannot be filled: ${error.message}`);
    return null;
  }
}

/** A short name for content, for files whose name says nothing. */
export function contentName(text: string): string {
  return sha256(text).slice(0, 10);
}

/** The path behind `file://`, or null. */
export function filePathOf(text: string): string | null {
  return text.startsWith('file://') ? text.slice('file://'.length) : null;
}

/** Reads a file that the source names; null where it cannot be read (reported). */
export function readNamed(path: string, site: Site, what: string): { text: string; file: string } | null {
  try {
    return site.reading.files.read(path);
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    site.dropped(what, error.message);
    return null;
  }
}

/** A YAML or JSON file that the source names; null where it cannot be read (reported). */
export function documentOf(text: string, file: string, site: Site, what: string): TextDocument | null {
  try {
    return readDocument(text, file, 'IMPORT');
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    site.dropped(what, `the file cannot be read: ${error.message.split('\n')[0]}`);
    return null;
  }
}

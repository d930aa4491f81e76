// lastgood import of other tools' files: reads each as a stream, and writes a suite with its releases and recordings.

import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readDocument } from '../../base/document.ts';
import { MAX_DEPTH } from '../../base/document-limits.ts';
import { LastgoodError } from '../../base/errors.ts';
import { isDeeperThan, isJsonObject, type JsonValue } from '../../base/json.ts';
import type { SecretMask } from '../../base/secrets.ts';
import type { ImportResult } from '../../core/import-result.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import {
  FileSink,
  FORMATS,
  type FormatName,
  type FoundFrame,
  formatOfRecord,
  formatOfText,
  isPromptfooConfig,
  Losses,
  READERS,
  type RecordReader,
  readConfig,
  resultsReader,
  Site,
  slug,
  type TestFrame,
} from '../../intake/index.ts';
import { Cleaning } from './cleaning.ts';
import { documentRecords, lineRecords, pieces, type RawRecord } from './records.ts';
import { sourceFiles } from './source-files.ts';
import { SuiteWriter } from './suite-writer.ts';

export interface ImportInput {
  readonly files: readonly string[];
  readonly cwd: string;
  readonly from?: string | undefined;
  /** Folder of the suite (default `suites/NAME`). */
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly sample?: number | undefined;
  readonly seed?: number | undefined;
  readonly dryRun: boolean;
  readonly allowCode: boolean;
  readonly overwrite: boolean;
  readonly mask: SecretMask;
  readonly privacy: Privacy | null;
}

/** How a file is cut into records. */
type Shape = 'config' | 'lines' | 'document';

export interface Detected {
  readonly format: FormatName;
  readonly shape: Shape;
}

/** Arrays of documents whose elements are records. */
const STREAMED = [
  ['resourceSpans'],
  ['results', 'results'],
  ['samples'],
  ['data'],
  ['data', 'examples'],
  ['observations'],
];

const NO_FRAME: FoundFrame = { releases: [], files: [] };

/** Characters that are looked at to tell a format. */
const HEAD = 1 << 20;

/** The format that was asked for. Throws `IMPORT_FORMAT` for one that is not read. */
function formatNamed(name: string): FormatName {
  if ((FORMATS as readonly string[]).includes(name)) {
    const format = name as FormatName;
    if (format === 'promptfoo' || READERS[format] !== undefined) return format;
    throw new LastgoodError({
      code: 'IMPORT_FORMAT',
      message: `the format ${name} is not supported yet`,
      hint: `supported: ${supported().join(', ')}`,
    });
  }
  throw new LastgoodError({
    code: 'IMPORT_FORMAT',
    message: `there is no format ${JSON.stringify(name)}`,
    hint: `known formats: ${FORMATS.join(', ')}`,
  });
}

function supported(): string[] {
  return FORMATS.filter((format) => format === 'promptfoo' || READERS[format] !== undefined);
}

/** Format and shape of a file by its content; null where it is none that is known. */
export function detectFile(path: string): Detected | null {
  const head = headOf(path);
  if (/\.ya?ml$/i.test(path)) {
    if (/^(prompts|providers|targets|tests|defaultTest|scenarios)\s*:/m.test(head))
      return { format: 'promptfoo', shape: 'config' };
    return null;
  }
  const first = head.trimStart().split('\n', 1)[0] ?? '';
  const line = first.length < HEAD ? parsed(first) : undefined;
  if (line !== undefined) {
    const format = formatOfRecord(line);
    if (format !== null) return { format, shape: 'lines' };
    if (isPromptfooConfig(line)) return { format: 'promptfoo', shape: 'config' };
    if (Array.isArray(line)) {
      const inner = formatOfRecord((line as readonly JsonValue[])[0] ?? null);
      return inner === null ? null : { format: inner, shape: 'document' };
    }
    return null;
  }
  if (!/^\s*[[{]/.test(head)) return null;
  const byText = formatOfText(head);
  if (byText !== null) return { format: byText, shape: 'document' };
  for (const record of documentRecords(path, STREAMED)) {
    const value = 'text' in record ? parsed(record.text) : undefined;
    if (value === undefined) return null;
    const format = formatOfRecord(value);
    if (format !== null) return { format, shape: 'document' };
    return isPromptfooConfig(value) ? { format: 'promptfoo', shape: 'config' } : null;
  }
  return null;
}

function headOf(path: string): string {
  let head = '';
  for (const piece of pieces(path)) {
    head += piece;
    if (head.length >= HEAD) break;
  }
  return head;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Reads the files and writes the suite. Throws LastgoodError for files that are no source. */
export async function importSuite(input: ImportInput): Promise<ImportResult> {
  const files = input.files.map((file) => ({ shown: file, path: resolve(input.cwd, file) }));
  const asked = input.from === undefined ? null : formatNamed(input.from);
  const detected = files.map(({ shown, path }) => {
    const found = detectFile(path);
    const format = asked ?? found?.format;
    if (format === undefined) throw unknownFormat(shown);
    formatNamed(format);
    return { shown, path, format, shape: found?.shape ?? shapeByName(path) };
  });
  const format = (detected[0] as (typeof detected)[number]).format;
  const other = detected.find((d) => d.format !== format);
  if (other !== undefined)
    throw new LastgoodError({
      code: 'IMPORT_FORMAT',
      message: `the files are in two formats: ${format} and ${other.format}`,
      where: { file: other.shown },
      hint: 'import them one after the other',
    });

  const first = files[0] as (typeof files)[number];
  const to = input.to ?? join('suites', suiteName(first.path));
  const name = slug(basename(resolve(input.cwd, to)), 60) || 'imported';
  const losses = new Losses();
  const cleaning = new Cleaning(input.mask, input.privacy);
  const { limit, sample, seed = 0, dryRun, overwrite } = input;
  const writer = new SuiteWriter({
    dir: resolve(input.cwd, to),
    overwrite,
    dryRun,
    cleaning,
    losses,
    limit,
    sample: sample === undefined ? undefined : { size: sample, seed },
  });
  try {
    let frame = NO_FRAME;
    const sink = new FileSink();
    const tests = testFrame();
    for (const source of detected) {
      const reading = {
        losses,
        files: sourceFiles(source.path, source.shown),
        sink,
        allowCode: input.allowCode,
        seen: new Set<string>(),
      };
      if (source.shape === 'config') {
        const document = readDocument(wholeText(source.path), source.shown, 'IMPORT');
        const found = readConfig(new Site(reading, document));
        for (const c of found.cases) writer.add(c);
        frame = merged(frame, found.frame);
        continue;
      }
      const reader =
        source.format === 'promptfoo' ? resultsReader(reading, tests) : READERS[source.format]?.(losses);
      if (reader === undefined) throw new Error(`no reader of ${source.format}`);
      await readRecords(source, reader, { writer, losses });
    }
    if (writer.empty)
      throw new LastgoodError({
        code: 'IMPORT_EMPTY',
        message: 'the files hold no case that can be taken',
        where: { file: first.shown },
        hint: losses.report().dropped[0]?.reason,
      });
    const written = writer.finish({ ...frame, files: [...frame.files, ...sink.list()] }, name);
    const { files: list, ...counts } = written;
    return {
      format,
      files: input.files,
      to,
      dryRun,
      ...losses.report(),
      ...counts,
      masked: cleaning.masked,
      written: list,
    };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

async function readRecords(
  source: { readonly shown: string; readonly path: string; readonly shape: Shape },
  reader: RecordReader,
  { writer, losses }: { readonly writer: SuiteWriter; readonly losses: Losses },
): Promise<void> {
  const records: Iterable<RawRecord> =
    source.shape === 'lines' ? lineRecords(source.path) : documentRecords(source.path, STREAMED);
  for (const record of records) {
    const place = { file: source.shown, line: record.line };
    if (!('text' in record)) {
      losses.dropped('record', record.problem, place);
      continue;
    }
    const value = parsed(record.text);
    if (value === undefined || isDeeperThan(value, MAX_DEPTH)) {
      losses.dropped('record', value === undefined ? 'it is not JSON' : 'it is nested too deeply', place);
      continue;
    }
    if (!isJsonObject(value)) {
      losses.dropped('record', 'it is not a map', place);
      continue;
    }
    for (const found of reader.take(value, place, record.path)) writer.add(found);
    if (writer.full) return;
  }
  for (const found of reader.finish()) writer.add(found);
}

function testFrame(): TestFrame {
  return {
    defaults: null,
    variables: new Set(),
    trials: undefined,
    found: { judge: false, embedder: false, judgeSite: null, embedderSite: null },
  };
}

function merged(a: FoundFrame, b: FoundFrame): FoundFrame {
  return {
    description: a.description ?? b.description,
    releases: [
      ...a.releases,
      ...b.releases.filter((r) => !a.releases.some((known) => known.name === r.name)),
    ],
    files: [...a.files, ...b.files],
    judge: a.judge ?? b.judge,
    embedder: a.embedder ?? b.embedder,
  };
}

/** Configurations are read as a whole. */
function wholeText(path: string): string {
  if (statSync(path).size > 64 * 1024 * 1024)
    throw new LastgoodError({
      code: 'IMPORT_TOO_LARGE',
      message: 'the configuration is larger than 64 MB',
      where: { file: path },
      hint: 'put its tests into files of their own',
    });
  return [...pieces(path)].join('');
}

function shapeByName(path: string): Shape {
  return /\.ya?ml$/i.test(path) ? 'config' : /\.json$/i.test(path) ? 'document' : 'lines';
}

/** `refund-bot` for `refund-bot/promptfooconfig.yaml` and for `refund-bot.jsonl`. */
function suiteName(path: string): string {
  const stem = basename(path).replace(/\.[^.]*$/, '');
  const plain = /^(promptfooconfig|config|results|output|export|traces?|data)$/i.test(stem)
    ? basename(dirname(path))
    : stem;
  return slug(plain, 60) || 'imported';
}

function unknownFormat(file: string): LastgoodError {
  return new LastgoodError({
    code: 'IMPORT_FORMAT',
    message: 'the format of the file is not known',
    where: { file },
    hint: `name it with --from: ${supported().join(', ')}`,
  });
}

// Reads the rows of case files: JSON lines, JSON, YAML and CSV. A row knows the line it stands on.

import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parseCsv } from '../base/csv.ts';
import {
  type DocumentPath,
  fixedDocument,
  jsonComplaint,
  jsonPlace,
  notJson,
  quote,
  readDocument,
  type TextDocument,
} from '../base/document.ts';
import { MAX_DEPTH } from '../base/document-limits.ts';
import { type ErrorWhere, LastgoodError, oneSlipApart } from '../base/errors.ts';
import {
  isDeeperThan,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  normalizeNewlines,
} from '../base/json.ts';
import { LARGEST_DOCUMENT, mustBeReadable, UnfitFile } from '../base/trust.ts';
import { CASE_KEYS } from './case-schema.ts';
import type { Problems } from './problems.ts';
import { type TextLine, textLines } from './text-lines.ts';

/** One would-be case and where it stands. */
export interface Row {
  readonly value: JsonValue;
  readonly document: TextDocument;
  /** Of the value inside the document. */
  readonly path: DocumentPath;
  readonly line: number;
  /** About how much text the row is. */
  readonly characters: number;
}

export const CASE_FILE_TYPES = ['.jsonl', '.ndjson', '.json', '.yaml', '.yml', '.csv'];

/** A file's text with LF line ends; an error that says why it cannot be read otherwise. */
export function readText(path: string, where: () => ErrorWhere = () => ({ file: path })): string {
  let bytes: Buffer;
  try {
    mustBeReadable(path, LARGEST_DOCUMENT);
    bytes = readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause as NodeJS.ErrnoException, where());
  }
  try {
    return normalizeNewlines(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw notUtf8(path, cause, where());
  }
}

/**
 * All rows of a case file, one at a time; JSON lines are read as they are asked for, so that their file may be larger than memory.
 * What cannot be read goes to `problems`. `raw` keeps CSV cells as they are, for a `map` to pick from.
 */
export function* readRows(path: string, raw: boolean, problems: Problems): Generator<Row, void, undefined> {
  try {
    switch (extname(path).toLowerCase()) {
      case '.jsonl':
      case '.ndjson':
        yield* jsonLines(path, problems);
        break;
      case '.csv':
        yield* csvRows(readText(path), path, raw, problems);
        break;
      default:
        yield* documentRows(readDocument(readText(path), path, 'SUITE'));
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    problems.add(error);
  }
}

/** A list is a row per entry; anything else is one row. */
function documentRows(document: TextDocument): Row[] {
  const row = (value: JsonValue, path: DocumentPath): Row => ({
    value,
    document,
    path,
    line: document.locate(path).line,
    // The document is in memory as a whole anyway.
    characters: 0,
  });
  return Array.isArray(document.value)
    ? document.value.map((value: JsonValue, i) => row(value, [i]))
    : [row(document.value, [])];
}

function* jsonLines(file: string, problems: Problems): Generator<Row, void, undefined> {
  for (const { source, line } of linesOf(file)) {
    if (source.trim() === '') continue;
    // Only escapes can bring these in.
    const suspicious = source.includes('__proto__') || /\\u[dD][89a-fA-F]/.test(source);
    let value: JsonValue;
    try {
      value = JSON.parse(source) as JsonValue;
    } catch (cause) {
      problems.add(
        new LastgoodError({
          code: 'SUITE_BAD_JSONL',
          message: `the line is not one JSON value: ${jsonComplaint(cause as Error)}`,
          where: { file, line, column: jsonPlace(cause as Error, source).column },
          cause,
        }),
      );
      continue;
    }
    if (isDeeperThan(value, MAX_DEPTH)) {
      problems.add(
        new LastgoodError({
          code: 'SUITE_BAD_JSONL',
          message: `the value is nested too deeply, expected at most ${MAX_DEPTH} levels`,
          where: { file, line },
        }),
      );
      continue;
    }
    const document = lineDocument(value, source, file, line);
    const bad = suspicious ? notJson(value) : [];
    if (bad.length > 0) {
      problems.add(
        ...bad.map(
          ({ path, problem }) =>
            new LastgoodError({
              code: 'SUITE_BAD_JSONL',
              message: problem,
              where: { file, ...document.locate(path) },
            }),
        ),
      );
      continue;
    }
    yield { value, document, path: [], line, characters: source.length };
  }
}

function* linesOf(file: string): Generator<TextLine, void, undefined> {
  const where = { file };
  try {
    yield* textLines(file);
  } catch (cause) {
    if (cause instanceof LastgoodError) throw cause;
    if (cause instanceof UnfitFile) throw unreadable(file, cause, where);
    throw (cause as NodeJS.ErrnoException).code?.startsWith('E') === true &&
      !(cause as NodeJS.ErrnoException).code?.startsWith('ERR_')
      ? unreadable(file, cause as NodeJS.ErrnoException, where)
      : notUtf8(file, cause, where);
  }
}

/** Columns are looked up by reading the line again, which only an error needs. */
function lineDocument(value: JsonValue, source: string, file: string, line: number): TextDocument {
  return {
    file,
    value,
    locate(path, of) {
      try {
        return { line, column: readDocument(source, file, 'SUITE').locate(path, of).column };
      } catch {
        return { line, column: 1 };
      }
    },
  };
}

function csvRows(text: string, file: string, raw: boolean, problems: Problems): Row[] {
  const fail = (line: number, message: string, hint?: string): void =>
    problems.add(new LastgoodError({ code: 'SUITE_BAD_CSV', message, where: { file, line }, hint }));
  const parsed = parseCsv(text);
  if (!parsed.ok) {
    fail(parsed.line, parsed.problem, 'write a quote inside a quoted cell as two quotes');
    return [];
  }
  const [header, ...records] = parsed.records;
  if (header === undefined) {
    fail(1, 'the file is empty, expected a header line with the names of the columns');
    return [];
  }
  const columns = header.cells.map((c) => c.trim());
  const twice = columns.find((c, i) => columns.indexOf(c) !== i);
  if (twice !== undefined) {
    fail(header.line, `the column ${quote(twice)} stands twice in the header`);
    return [];
  }
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? '')) {
    fail(
      header.line,
      `the header ${quote(columns[0] ?? '')} is one column`,
      'separate the columns by commas',
    );
    return [];
  }
  if (!raw) {
    const slips = columns.flatMap((column) => slipOf(column, columns) ?? []);
    for (const { column, field } of slips)
      fail(
        header.line,
        `the column ${quote(column)} is not a case key, but one letter away from ${quote(field)}`,
        `write ${quote(field)}; or ${quote(`vars.${column}`)}, if a variable of that name is meant`,
      );
    if (slips.length > 0) return [];
  }
  return records.flatMap((record) => {
    if (record.cells.length !== columns.length) {
      fail(record.line, `the row has ${record.cells.length} cells, the header has ${columns.length}`);
      return [];
    }
    const cells = new Map(columns.map((column, i) => [column, record.cells[i] ?? '']));
    const place = { line: record.line, column: 1 };
    const value = raw
      ? Object.fromEntries(cells)
      : caseOfCells(cells, (message) => fail(record.line, message));
    return value === undefined
      ? []
      : [
          {
            value,
            document: fixedDocument(value, file, place),
            path: [],
            line: record.line,
            characters: record.cells.reduce((n, cell) => n + cell.length, 0),
          },
        ];
  });
}

/** The field that a column was probably meant to be: without this it would silently become a variable. */
function slipOf(
  column: string,
  columns: readonly string[],
): { readonly column: string; readonly field: string } | undefined {
  if (CASE_KEYS.includes(column)) return undefined;
  const field = CASE_KEYS.find((key) => !columns.includes(key) && oneSlipApart(column.toLowerCase(), key));
  return field === undefined ? undefined : { column, field };
}

/** Cells to a case: an empty cell of a field is an absent field, an empty cell of a variable is an empty text. */
function caseOfCells(
  cells: ReadonlyMap<string, string>,
  fail: (message: string) => void,
): JsonObject | undefined {
  const fields: Record<string, JsonValue> = {};
  const vars: Record<string, JsonValue> = {};
  const meta: Record<string, JsonValue> = {};
  let broken = false;
  for (const [column, cell] of cells) {
    if (/(^|\.)__proto__$/.test(column)) fail(`a column cannot be called ${quote(column)}`);
    else if (column.startsWith('vars.')) vars[column.slice(5)] = cell;
    else if (column.startsWith('meta.')) meta[column.slice(5)] = cell;
    else if (!CASE_KEYS.includes(column)) vars[column] = cell;
    else if (cell.trim() !== '') {
      const value = fieldOfCell(column, cell);
      if (value.ok) fields[column] = value.value;
      else {
        fail(`the cell of column ${quote(column)} ${value.problem}`);
        broken = true;
      }
    }
  }
  if (broken) return undefined;
  return {
    ...fields,
    ...(Object.keys(vars).length > 0 || fields['vars'] !== undefined
      ? { vars: { ...(isJsonObject(fields['vars']) ? fields['vars'] : {}), ...vars } }
      : {}),
    ...(Object.keys(meta).length > 0 || fields['meta'] !== undefined
      ? { meta: { ...(isJsonObject(fields['meta']) ? fields['meta'] : {}), ...meta } }
      : {}),
  };
}

function fieldOfCell(
  column: string,
  cell: string,
): { ok: true; value: JsonValue } | { ok: false; problem: string } {
  switch (column) {
    case 'id':
    case 'group':
      return { ok: true, value: cell.trim() };
    case 'expected':
      return { ok: true, value: cell };
    case 'tags':
      return {
        ok: true,
        value: tagsOf(cell),
      };
    case 'critical':
      if (/^(true|yes|1)$/i.test(cell.trim())) return { ok: true, value: true };
      if (/^(false|no|0)$/i.test(cell.trim())) return { ok: true, value: false };
      return { ok: false, problem: `says ${quote(cell)}, expected true or false` };
    default:
      try {
        return { ok: true, value: JSON.parse(cell) as JsonValue };
      } catch (cause) {
        return { ok: false, problem: `is not JSON: ${jsonComplaint(cause as Error)}` };
      }
  }
}

/** Tags in one text, separated by semicolons or commas. */
export function tagsOf(text: string): string[] {
  return text
    .split(/[;,]/)
    .map((t) => t.trim())
    .filter((t) => t !== '');
}

function notUtf8(path: string, cause: unknown, where: ErrorWhere): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_UNREADABLE',
    message: `${quote(path)} is not UTF-8 text`,
    where,
    hint: 'save the file as UTF-8',
    cause,
  });
}

function unreadable(path: string, cause: NodeJS.ErrnoException, where: ErrorWhere): LastgoodError {
  const reason =
    cause.code === 'ENOENT'
      ? 'does not exist'
      : cause.code === 'EISDIR'
        ? 'is a directory, expected a file'
        : cause.code === 'EACCES'
          ? 'may not be read'
          : cause instanceof UnfitFile
            ? cause.message
            : `could not be read (${cause.code ?? cause.message})`;
  return new LastgoodError({ code: 'SUITE_UNREADABLE', message: `${quote(path)} ${reason}`, where, cause });
}

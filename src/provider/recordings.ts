// Recorded outputs in a file: read line by line, checked against the hash the release names, sorted by case and trial.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { canonicalJson, DEEPEST_VALUE, isDeeperThan, isJsonObject, jsonAt, shortHash } from '../base/json.ts';
import { mustBeReadable, UnfitFile } from '../base/trust.ts';
import type { Output, ToolCall } from '../core/conversation.ts';
import type { StopReason, Usage } from '../core/provider.ts';
import { isBrokenOff } from './reply-error.ts';
import { readTrajectory, withTrajectory } from './trajectory.ts';
import { contextOf, disclosedText, jsonText, readToolCalls, readUsage, stopReasonOf } from './wire-words.ts';

/** Characters of one line. */
const LONGEST_LINE = 64 * 1024 * 1024;
/** Characters of a JSON array, which is read as a whole; a JavaScript string holds half as many again. */
const LONGEST_ARRAY = 256 * 1024 * 1024;

/** One recorded answer, or the recorded error in its place. */
interface Recording {
  /** 1-based line; in a JSON array the 1-based position. */
  readonly line: number;
  readonly outcome:
    | {
        readonly kind: 'output';
        readonly output: Output;
        readonly stopReason: StopReason;
        readonly model: string | null;
        readonly usage: Usage | null;
        /** null = not recorded. */
        readonly latencyMs: number | null;
        readonly costUsd: number | undefined;
      }
    | { readonly kind: 'error'; readonly message: string };
}

export interface RecordingsFile {
  readonly path: string;
  /** SHA-256 of the file's text with LF line ends and no byte-order mark; undefined = unchecked. */
  readonly sha256: string | undefined;
  /** Our field (`case_id`, `output`, …) to a dotted path in the record. Fields that are not named keep their own names. */
  readonly map: JsonObject;
  /** Dotted path to the value that a record must have there. */
  readonly where: JsonObject;
}

/** Recordings by case id, each list in trial order. */
export type Recordings = ReadonlyMap<string, readonly Recording[]>;

/** Reads the file once. Throws `LastgoodError` when it is missing, has changed, or has a line that is no recording. */
export async function readRecordings(file: RecordingsFile): Promise<Recordings> {
  const byCase = new Map<string, { trial: number | undefined; recording: Recording }[]>();
  // Kept until the hash is known: that the file is another one explains more than what is wrong with a line of it.
  let broken: LastgoodError | undefined;
  const take = (text: string, line: number): void => {
    if (broken !== undefined) return;
    try {
      for (const [record, number] of recordsIn(text, file, line)) {
        const read = readRecord(record, number, file);
        if (read === undefined) continue;
        const list = byCase.get(read.caseId);
        if (list === undefined) byCase.set(read.caseId, [read]);
        else list.push(read);
      }
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      broken = error;
    }
  };

  const hash = createHash('sha256');
  let array: string[] | undefined;
  let arrayLength = 0;
  let line = 0;
  let started = false;
  for await (const text of linesOf(file.path, (chunk) => hash.update(chunk, 'utf8'))) {
    line++;
    if (text.trim() === '') continue;
    if (!started && text.trimStart().startsWith('[')) array = [];
    started = true;
    if (array === undefined) take(text, line);
    else {
      arrayLength += text.length + 1;
      if (arrayLength <= LONGEST_ARRAY) array.push(text);
    }
  }
  const found = hash.digest('hex');
  if (file.sha256 !== undefined && found !== file.sha256) {
    throw new LastgoodError({
      code: 'RECORDING_CHANGED',
      message: `the recordings are not those of the release: expected content ${shortHash(file.sha256)}, found ${shortHash(found)}`,
      hint: 'restore the file, or load the release again to get a new fingerprint',
      where: { file: file.path },
    });
  }
  if (arrayLength > LONGEST_ARRAY) broken ??= tooLong(file, 1, 'this JSON array');
  if (array !== undefined) take(array.join('\n'), 1);
  if (broken !== undefined) throw broken;
  for (const [caseId, list] of byCase) refuseTwice(file, caseId, list);
  return new Map(
    [...byCase].map(([caseId, list]) => [
      caseId,
      // A stable sort: recordings without a number, or with the same one, stay in the file's order.
      list.sort((a, b) => (a.trial ?? 0) - (b.trial ?? 0)).map(({ recording }) => recording),
    ]),
  );
}

/** Two recordings of one trial: which of them the model is said to have given would be chance. */
function refuseTwice(
  file: RecordingsFile,
  caseId: string,
  list: readonly { readonly trial: number | undefined; readonly recording: Recording }[],
): void {
  const seen = new Map<number, number>();
  for (const { trial, recording } of list) {
    if (trial === undefined) continue;
    const first = seen.get(trial);
    if (first === undefined) seen.set(trial, recording.line);
    else
      throw new LastgoodError({
        code: 'RECORDING_TWICE',
        message: `trial ${trial} of case "${caseId}" is recorded twice, on line ${first} and on this one`,
        hint: 'number the trials of a case 0, 1, 2, …, or leave the numbers out: then the order of the lines counts',
        where: { file: file.path, line: recording.line },
      });
  }
}

function tooLong(file: Pick<RecordingsFile, 'path'>, line: number | undefined, what: string): LastgoodError {
  return new LastgoodError({
    code: 'RECORDING_TOO_LONG',
    message: `${what} has more characters than can be read at once`,
    hint: 'write one JSON record a line (JSONL): such a file may be of any size',
    where: { file: file.path, line },
  });
}

/** Lines of a UTF-8 file with any line ends; `seen` gets the text with LF ends, piece by piece. */
async function* linesOf(path: string, seen: (chunk: string) => void): AsyncGenerator<string> {
  let rest = '';
  let heldReturn = false;
  let first = true;
  try {
    mustBeReadable(path);
    for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
      let chunk = String(piece);
      if (first) chunk = chunk.replace(/^\uFEFF/, '');
      first = false;
      if (heldReturn) chunk = `\r${chunk}`;
      // A CR at the end may be half of a CRLF.
      heldReturn = chunk.endsWith('\r');
      if (heldReturn) chunk = chunk.slice(0, -1);
      chunk = chunk.replace(/\r\n?/g, '\n');
      seen(chunk);
      // A long line is put together once, not looked through anew with each piece.
      if (!chunk.includes('\n')) {
        rest += chunk;
        continue;
      }
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > LONGEST_LINE) throw tooLong({ path }, undefined, 'a line');
    }
  } catch (error) {
    if (error instanceof LastgoodError) throw error;
    throw new LastgoodError({
      code: 'RECORDING_MISSING',
      message:
        error instanceof UnfitFile
          ? `the file of recordings ${error.message}`
          : `the recordings cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      where: { file: path },
      cause: error,
    });
  }
  if (heldReturn) {
    seen('\n');
    yield rest;
  } else if (rest !== '') yield rest;
}

/** The records of one line, or of a whole JSON array, with the number each is known by. */
function recordsIn(
  text: string,
  file: RecordingsFile,
  line: number,
): readonly (readonly [JsonValue, number])[] {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw invalid(file, line, 'is not JSON', error);
  }
  if (isDeeperThan(value, DEEPEST_VALUE)) throw invalid(file, line, 'is nested too deeply', undefined);
  return Array.isArray(value)
    ? (value as readonly JsonValue[]).map((record, i) => [record, i + 1] as const)
    : [[value, line]];
}

/** One record as a recording; undefined when `where` leaves it out. */
function readRecord(
  record: JsonValue,
  line: number,
  file: RecordingsFile,
): { caseId: string; trial: number | undefined; recording: Recording } | undefined {
  if (!isJsonObject(record)) throw invalid(file, line, 'is not an object');
  for (const [path, wanted] of Object.entries(file.where)) {
    const value = jsonAt(record, path);
    if (wanted === undefined) continue;
    const any = Array.isArray(wanted) ? (wanted as readonly JsonValue[]) : [wanted];
    if (value === undefined || !any.some((w) => canonicalJson(value) === canonicalJson(w))) return undefined;
  }
  const field = (name: string): JsonValue | undefined => {
    const path = file.map[name] ?? file.map[name.replaceAll('_', '-')];
    return typeof path === 'string' ? jsonAt(record, path) : record[name];
  };
  const id = field('case_id');
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
    throw invalid(file, line, 'has no case_id');
  const number = field('trial') ?? field('run');
  const trial = typeof number === 'number' ? number : undefined;
  const error = field('error');
  const toolCalls = readToolCalls(field('tool_calls'));
  if (toolCalls === undefined) throw invalid(file, line, 'has tool_calls that cannot be read');
  const output = field('output');
  const given = field('trajectory');
  const trajectory = readTrajectory(given, 'whole');
  if (given !== undefined && given !== null && trajectory === undefined)
    throw invalid(file, line, 'has a trajectory that is not a list of messages');
  const base = { caseId: String(id), trial };
  if (error !== undefined && error !== null && error !== '' && error !== false)
    return { ...base, recording: { line, outcome: { kind: 'error', message: errorText(error) } } };
  const reason = field('stop_reason');
  if (isBrokenOff(reason)) {
    const message = `recorded as broken off: "${reason}"`;
    return { ...base, recording: { line, outcome: { kind: 'error', message } } };
  }
  if ((output === undefined || output === null) && toolCalls.length === 0 && !trajectory?.length) {
    if (output === undefined) throw invalid(file, line, 'has neither output nor error');
    return {
      ...base,
      recording: { line, outcome: { kind: 'error', message: 'recorded without an output' } },
    };
  }
  const latency = field('latency_ms');
  const cost = field('cost_usd');
  return {
    ...base,
    recording: {
      line,
      outcome: {
        kind: 'output',
        output: withTrajectory(
          {
            text: output === undefined || output === null ? '' : jsonText(output),
            toolCalls: toolCalls as ToolCall[],
            ...contextOf(field('context')),
          },
          trajectory,
        ),
        stopReason: stopReasonOf(reason),
        model: disclosedText(field('model')),
        usage: readUsage(field('usage')),
        latencyMs: typeof latency === 'number' && latency >= 0 ? latency : null,
        costUsd: typeof cost === 'number' && cost >= 0 ? cost : undefined,
      },
    },
  };
}

function errorText(error: JsonValue): string {
  return isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : jsonText(error);
}

function invalid(file: RecordingsFile, line: number, what: string, cause?: unknown): LastgoodError {
  return new LastgoodError({
    code: 'RECORDING_INVALID',
    message: `this recording ${what}; expected {"case_id": …, "output": …}`,
    hint: 'name the fields of another shape with "map" in the route',
    where: { file: file.path, line },
    cause,
  });
}

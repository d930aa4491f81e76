// lastgood observe: a file or stream of observations into the ledger.

import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { MAX_DEPTH } from '../../base/document-limits.ts';
import { LastgoodError } from '../../base/errors.ts';
import { isDeeperThan, type JsonValue } from '../../base/json.ts';
import { mustBeReadable } from '../../base/trust.ts';
import type { ObservationStore } from '../../core/index.ts';
import { type ObservationFormat, observationReader } from '../../intake/observations.ts';
import { Losses } from '../../intake/parts/losses.ts';
import { detectFile } from '../import/import-suite.ts';
import { documentRecords, lineRecords, type RawRecord } from '../import/records.ts';
import type { LineRules } from './check-line.ts';
import { type IntakeReport, ObservationIntake, type ReadValue } from './intake.ts';
import { linesOf } from './line-stream.ts';
import { foldAll } from './open-production.ts';

export interface ObserveInput {
  /** As it was typed; `-` = `stdin`. */
  readonly file: string;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  /** For lines that name none. */
  readonly feature: string | undefined;
  /** Lines of observations and outcomes where it is left out. */
  readonly from: ObservationFormat | undefined;
  readonly rules: LineRules;
}

/** Arrays of other tools' documents whose elements are records. */
const STREAMED = [['resourceSpans'], ['samples'], ['data'], ['data', 'examples'], ['observations']];

/** Takes everything that can be taken and counts it in its windows. */
export async function observeFile(store: ObservationStore, input: ObserveInput): Promise<IntakeReport> {
  const intake = new ObservationIntake(store, input.rules);
  const report =
    input.from === undefined
      ? await intake.takeLines(linesOf(streamOf(input)), null, input.feature)
      : await takeForeign(intake, input, input.from);
  await foldAll(store);
  return report;
}

function streamOf({ file, cwd, stdin }: ObserveInput): AsyncIterable<Uint8Array> {
  if (file !== '-') {
    const path = resolve(cwd, file);
    return guarded(file, path);
  }
  if (stdin === undefined)
    throw new LastgoodError({
      code: 'FILE_UNREADABLE',
      message: 'there is no standard input to read',
      hint: 'name a file',
    });
  return stdin;
}

async function* guarded(shown: string, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    mustBeReadable(path);
    yield* createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined && cause instanceof LastgoodError) throw cause;
    throw new LastgoodError({
      code: 'FILE_UNREADABLE',
      message: `the file cannot be read: ${code ?? (cause as Error).message}`,
      where: { file: shown },
      cause,
    });
  }
}

async function takeForeign(
  intake: ObservationIntake,
  input: ObserveInput,
  from: ObservationFormat,
): Promise<IntakeReport> {
  const losses = new Losses();
  const reader = observationReader(from, losses, input.feature);
  const rejected: { line: number; code: 'LINE_NOT_JSON'; message: string }[] = [];
  async function* values(): AsyncGenerator<ReadValue, void, undefined> {
    for await (const record of recordsOf(input)) {
      const value = 'text' in record ? parsed(record.text) : undefined;
      if (!('text' in record) || value === undefined) {
        const message = 'problem' in record ? record.problem : 'the record is not JSON';
        rejected.push({ line: record.line, code: 'LINE_NOT_JSON', message });
        continue;
      }
      for (const { kind, value: made, line } of reader.take(value, record.line, record.path, input.file))
        yield { kind, value: made, line };
    }
    for (const { kind, value, line } of reader.finish(input.file)) yield { kind, value, line };
  }
  const report = await intake.takeValues(values(), input.feature);
  return {
    ...report,
    rejected: report.rejected + rejected.length,
    errors: [...rejected, ...report.errors].slice(0, 20),
    losses: losses.report(),
  };
}

async function* recordsOf(input: ObserveInput): AsyncGenerator<RawRecord, void, undefined> {
  if (input.file !== '-') {
    const path = resolve(input.cwd, input.file);
    const shape = detectFile(path)?.shape ?? 'lines';
    yield* shape === 'document' ? documentRecords(path, STREAMED) : lineRecords(path);
    return;
  }
  for await (const line of linesOf(streamOf(input), 32 * 1024 * 1024))
    yield 'text' in line
      ? { line: line.line, text: line.text, path: [] }
      : { line: line.line, problem: line.problem.message };
}

/** undefined where it is no JSON, or nested so deeply that readers cannot walk it. */
function parsed(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isDeeperThan(value, MAX_DEPTH) ? undefined : value;
  } catch {
    return undefined;
  }
}

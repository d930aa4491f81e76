// Arguments in, exit code out. Errors a person can fix are printed as sentences; anything else keeps its stack.

import { CommanderError } from 'commander';
import { formatError, LastgoodError } from '../base/errors.ts';
import { secretMask, secretValues } from '../base/secrets.ts';
import { withTrust } from '../base/trust.ts';
import { consoleText } from '../report/parts/escape.ts';
import { isAsked, trustOf } from './options/trust-options.ts';
import { buildProgram } from './program.ts';
import { withEnvFile } from './terminal/env-file.ts';
import { type Io, processIo } from './terminal/io.ts';
import { defectText } from './terminal/process-end.ts';

const LONGEST_MASKED = 64 * 1024;

/** 0 good · 1 regression · 2 wrong input · 3 could not tell · 4 could not do the work · 5 no rollback target · 130 interrupted. */
export async function main(argv: readonly string[], given?: Io): Promise<number> {
  let io = given;
  try {
    // Before the signal handlers: a `.env` that never ends would block them.
    const file = given === undefined && !isAsked(argv, '--untrusted') ? withEnvFile(process.env) : undefined;
    io ??= processIo(file);
    const code = await runCommand(argv, guarded(io));
    return await delivered(code, io);
  } catch (error) {
    io ??= processIo();
    return delivered(failed(error, argv, guarded(io)), io);
  }
}

async function runCommand(argv: readonly string[], io: Io): Promise<number> {
  const result = { exitCode: 0 };
  const program = await buildProgram(
    io,
    (code) => {
      result.exitCode = code;
    },
    argv[0],
  );
  await withTrust(trustOf(argv, io), () => program.parseAsync([...argv], { from: 'user' }));
  return result.exitCode;
}

/** Nothing that is printed acts on the terminal or on a CI runner, whichever command prints it; documents go through as they are. */
function guarded(io: Io): Io {
  // Errors quote what was wrong, and that may be a secret in the wrong place. Larger results come from the ledger, where there is none.
  const mask = secretMask(secretValues(io.environment));
  const masked = (text: string): string => (text.length <= LONGEST_MASKED ? mask.text(text) : text);
  return {
    ...io,
    out: (text) => io.out(consoleText(masked(text), io.outIsTty)),
    document: (text) => (io.document ?? io.out)(masked(text)),
    err: (text) => io.err(consoleText(mask.text(text), io.errIsTty)),
  };
}

/** The verdict's exit code, unless the result could not be written. A reader who left early changes nothing. */
async function delivered(code: number, io: Io): Promise<number> {
  const failure = await io.outFailure?.();
  if (failure === null || failure === undefined) return code;
  const full = failure.code === 'ENOSPC' || failure.code === 'EDQUOT';
  io.err(
    `error: the result could not be written to standard output: ${full ? 'the disk is full' : (failure.code ?? failure.message)} [${full ? 'DISK_FULL' : 'OUTPUT_UNWRITABLE'}]\n`,
  );
  return 4;
}

function failed(error: unknown, argv: readonly string[], io: Io): number {
  const asJson = argv.includes('--json');
  // A reader that leaves at once has cut it off; nothing is wrong with it.
  if (io.hardSignal.aborted) return 130;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has printed the sentence already; help that was not asked for is not an error to parse.
    if (asJson && error.code !== 'commander.help') printError(io, usageError(error.message));
    return 2;
  }
  if (error instanceof LastgoodError) {
    io.err(`error: ${formatError(error)}\n`);
    if (asJson) printError(io, error);
    return error.exitCode;
  }
  io.err(defectText(error, io.environment));
  return 4;
}

function printError(
  io: Io,
  { code, message, hint, where }: Pick<LastgoodError, 'code' | 'message'> & Partial<LastgoodError>,
): void {
  io.out(
    `${JSON.stringify({ schemaVersion: 1, kind: 'error', code, message, hint: hint ?? null, where: where ?? {} })}\n`,
  );
}

/** Commander puts its guess at what was meant behind the sentence. */
function usageError(text: string): Pick<LastgoodError, 'code' | 'message' | 'hint'> {
  const [message = '', guess] = text.replace(/^error: /, '').split(/\n\((?=Did you mean)/);
  return { code: 'BAD_OPTION', message, hint: guess?.replace(/\)$/, '') };
}

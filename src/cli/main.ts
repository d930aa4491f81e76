// Arguments in, exit code out. Errors a person can fix are printed as sentences; anything else keeps its stack.

import { CommanderError } from 'commander';
import { formatError, LastgoodError } from '../core/errors.ts';
import { type Io, processIo } from './io.ts';
import { buildProgram } from './program.ts';

/** 0 good · 1 regression · 2 wrong input · 3 could not tell · 4 could not do the work · 5 no rollback target · 130 interrupted. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const result = { exitCode: 0 };
  try {
    const program = await buildProgram(
      io,
      (code) => {
        result.exitCode = code;
      },
      argv[0],
    );
    await program.parseAsync([...argv], { from: 'user' });
    return result.exitCode;
  } catch (error) {
    // Whoever leaves at once has cut it off; nothing is wrong with it.
    if (io.hardSignal.aborted) return 130;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof LastgoodError) {
      const asJson = argv.includes('--json');
      io.err(`error: ${formatError(error)}\n`);
      if (asJson) {
        io.out(
          `${JSON.stringify({ schemaVersion: 1, kind: 'error', code: error.code, message: error.message, hint: error.hint ?? null, where: error.where })}\n`,
        );
      }
      return error.exitCode;
    }
    io.err(
      `lastgood failed in a way it should not have; this is a defect, please report it\n${(error as Error).stack ?? String(error)}\n`,
    );
    return 4;
  }
}

// One command within another: `playbook check` runs the commands of a playbook as the command line would.

import { CommanderError } from 'commander';
import { LastgoodError, LastgoodErrors } from '../base/errors.ts';
import type { CommandRun } from '../core/index.ts';
import { buildProgram } from './program.ts';
import type { Io } from './terminal/io.ts';

/** Result texts are only looked at for their first line. */
const KEPT = 4096;

/** In this process, in the same folder and under the same rules of trust. Nothing that it prints is shown. */
export async function runWords(io: Io, words: readonly string[]): Promise<CommandRun> {
  let exit = 0;
  let said = '';
  const quiet: Io = {
    ...{ environment: io.environment, cwd: io.cwd, nodeVersion: io.nodeVersion, platform: io.platform },
    ...{ signal: io.signal, hardSignal: io.hardSignal, sharesProcess: true },
    out: (text) => {
      said = (said + text).slice(0, KEPT);
    },
    document: () => {},
    err: () => {},
    beforeOut: () => {},
    outIsTty: false,
    errIsTty: false,
  };
  const ended = (code: number): void => {
    exit = code;
  };
  try {
    const program = await buildProgram(quiet, ended, words[0]);
    await program.parseAsync([...words], { from: 'user' });
    return { exit, said: firstLines(said, 2), error: null };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): CommandRun {
  if (error instanceof LastgoodError) {
    const {
      message,
      code,
      hint = null,
    } = error instanceof LastgoodErrors ? (error.errors[0] ?? error) : error;
    return { exit: error.exitCode, said: '', error: { message: `${message} [${code}]`, hint } };
  }
  const message = firstLines(error instanceof Error ? error.message : String(error), 1);
  if (error instanceof CommanderError) return { exit: 2, said: '', error: { message, hint: null } };
  // One command with a defect must not hide how the others did.
  return { exit: 4, said: '', error: { message: `a defect of lastgood: ${message}`, hint: null } };
}

/** The verdict of a report, in one line. */
function firstLines(text: string, most: number): string {
  return text
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^error: /, '')
        .replace(/\s+/g, ' '),
    )
    .filter((line) => line !== '' && !line.startsWith('DRY RUN:'))
    .slice(0, most)
    .join(' · ');
}

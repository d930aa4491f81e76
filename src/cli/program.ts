// The command table. Each command's work is imported only when it is asked for, so that --help stays fast.

import { Command } from 'commander';
import { registerBaseline } from './commands/baseline.ts';
import { registerBisect } from './commands/bisect.ts';
import { registerCheck } from './commands/check.ts';
import { registerCompare } from './commands/compare.ts';
import { registerDb, registerForget } from './commands/db.ts';
import { registerDemo } from './commands/demo.ts';
import { registerDiff } from './commands/diff.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDrill } from './commands/drill.ts';
import { registerEvent } from './commands/event.ts';
import { registerExport } from './commands/export.ts';
import { registerFingerprint } from './commands/fingerprint.ts';
import { registerHistory } from './commands/history.ts';
import { registerIncident } from './commands/incident.ts';
import { registerInit } from './commands/init.ts';
import { registerJudge } from './commands/judge.ts';
import { registerList } from './commands/list.ts';
import { registerNightly } from './commands/nightly.ts';
import { registerRegrade } from './commands/regrade.ts';
import { registerRollback } from './commands/rollback.ts';
import { registerRun } from './commands/run.ts';
import { registerSimulate } from './commands/simulate.ts';
import { registerStatus } from './commands/status.ts';
import { registerValidate } from './commands/validate.ts';
import type { Io } from './io.ts';
import type { Register } from './register.ts';
import { VERSION } from './version.ts';

const COMMANDS: readonly Register[] = [
  registerDemo,
  registerInit,
  registerValidate,
  registerFingerprint,
  registerRun,
  registerList,
  registerDiff,
  registerCompare,
  registerCheck,
  registerRegrade,
  registerJudge,
  registerBaseline,
  registerHistory,
  registerRollback,
  registerNightly,
  registerStatus,
  registerEvent,
  registerIncident,
  registerBisect,
  registerDrill,
  registerExport,
  registerDb,
  registerForget,
  registerSimulate,
  registerDoctor,
];

/** The whole command line. */
export function buildProgram(io: Io, exit: (code: number) => void): Command {
  const program = new Command('lastgood')
    .description(
      'What did the AI feature do when it was last good, how does it differ now, and what exactly do we go back to?',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .addHelpText(
      'after',
      `
Exit codes: 0 good, 1 regression, 2 wrong input (nothing was run), 3 could not tell,
            4 could not do the work, 5 no rollback target could be verified, 130 interrupted.
References: a snapshot id or its prefix, latest, latest~2, baseline, @2026-03-15, @yesterday, label:key=value.`,
    );
  for (const register of COMMANDS) register(program, io, exit);
  inherit(program);
  return program;
}

/** Sub-commands report errors and write output the way the program does. */
function inherit(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) {
    sub.copyInheritedSettings(command);
    inherit(sub);
  }
}

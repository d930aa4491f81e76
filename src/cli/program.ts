// The command table. Of the commands only the one asked for is loaded, and its work only when it is done: every module costs about half a
// millisecond at each start.

import { Command } from 'commander';
import type { Register } from './options/register.ts';
import { VERSION } from './options/version.ts';
import type { Io } from './terminal/io.ts';

/** Each command's names and where it is described; one file can describe two. Help lists them in this order. */
const COMMANDS: readonly (readonly [names: readonly string[], load: () => Promise<Register>])[] = [
  [['demo'], async () => (await import('./commands/demo.ts')).registerDemo],
  [['init'], async () => (await import('./commands/init.ts')).registerInit],
  [['validate'], async () => (await import('./commands/validate.ts')).registerValidate],
  [['fingerprint'], async () => (await import('./commands/fingerprint.ts')).registerFingerprint],
  [['run'], async () => (await import('./commands/run.ts')).registerRun],
  [['worker'], async () => (await import('./commands/worker.ts')).registerWorker],
  [['list', 'show'], async () => (await import('./commands/list.ts')).registerList],
  [['diff'], async () => (await import('./commands/diff.ts')).registerDiff],
  [['compare'], async () => (await import('./commands/compare.ts')).registerCompare],
  [['check'], async () => (await import('./commands/check.ts')).registerCheck],
  [['regrade'], async () => (await import('./commands/regrade.ts')).registerRegrade],
  [['judge'], async () => (await import('./commands/judge.ts')).registerJudge],
  [['bless', 'baseline'], async () => (await import('./commands/baseline.ts')).registerBaseline],
  [['history'], async () => (await import('./commands/history.ts')).registerHistory],
  [['rollback', 'verify-state'], async () => (await import('./commands/rollback.ts')).registerRollback],
  [['nightly'], async () => (await import('./commands/nightly.ts')).registerNightly],
  [['status'], async () => (await import('./commands/status.ts')).registerStatus],
  [['event'], async () => (await import('./commands/event.ts')).registerEvent],
  [['incident'], async () => (await import('./commands/incident.ts')).registerIncident],
  [['bisect'], async () => (await import('./commands/bisect.ts')).registerBisect],
  [['drill'], async () => (await import('./commands/drill.ts')).registerDrill],
  [['registry'], async () => (await import('./commands/registry.ts')).registerRegistry],
  [['flag'], async () => (await import('./commands/flag.ts')).registerFlag],
  [['stop', 'start'], async () => (await import('./commands/guard.ts')).registerStop],
  [['approvals'], async () => (await import('./commands/guard.ts')).registerApprovals],
  [['guard'], async () => (await import('./commands/guard.ts')).registerGuard],
  [['rollout'], async () => (await import('./commands/rollout.ts')).registerRollout],
  [['playbook'], async () => (await import('./commands/playbook.ts')).registerPlaybook],
  [['ticket'], async () => (await import('./commands/ticket.ts')).registerTicket],
  [['export'], async () => (await import('./commands/export.ts')).registerExport],
  [['import'], async () => (await import('./commands/import.ts')).registerImport],
  [['observe'], async () => (await import('./commands/observe.ts')).registerObserve],
  [['signals'], async () => (await import('./commands/signals.ts')).registerSignals],
  [['monitor'], async () => (await import('./commands/monitor.ts')).registerMonitor],
  [['timeline'], async () => (await import('./commands/timeline.ts')).registerTimeline],
  [['decisions'], async () => (await import('./commands/decisions.ts')).registerDecisions],
  [['residue'], async () => (await import('./commands/residue.ts')).registerResidue],
  [['shadow'], async () => (await import('./commands/shadow.ts')).registerShadow],
  [['serve'], async () => (await import('./commands/serve.ts')).registerServe],
  [['token'], async () => (await import('./commands/serve.ts')).registerToken],
  [['db'], async () => (await import('./commands/db.ts')).registerDb],
  [['forget'], async () => (await import('./commands/db.ts')).registerForget],
  [['mcp'], async () => (await import('./commands/mcp.ts')).registerMcp],
  [['simulate'], async () => (await import('./commands/simulate.ts')).registerSimulate],
  [['doctor'], async () => (await import('./commands/doctor.ts')).registerDoctor],
];

/** The command line; `asked` is its first word. Where that is a command, the others are left out. */
export async function buildProgram(io: Io, exit: (code: number) => void, asked?: string): Promise<Command> {
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
  for (const register of await Promise.all(wanted(asked).map(([, load]) => load())))
    register(program, io, exit);
  inherit(program);
  return program;
}

function wanted(asked: string | undefined): typeof COMMANDS {
  if (asked === '--version' || asked === '-V') return [];
  const named = COMMANDS.filter(([names]) => asked !== undefined && names.includes(asked));
  // Help and the guess at what was meant want to know them all.
  return named.length > 0 ? named : COMMANDS;
}

/** Sub-commands report errors and write output the way the program does. */
function inherit(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) {
    sub.copyInheritedSettings(command);
    inherit(sub);
  }
}

// lastgood doctor: is this machine able to work?

import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, printJson } from '../session.ts';

export const registerDoctor: Register = (program, io, exit) => {
  common(
    program
      .command('doctor')
      .description(
        'check Node, the SQLite addon, the ledger and which keys are set (never printed); no call is paid',
      )
      .option('--release <file>', "also ask the provider's catalogue for this release's model"),
  ).action(async (options: CommonOptions & { release?: string }) => {
    const [{ examineMachine }, { resolve }] = await Promise.all([
      import('../../workflow/project/doctor.ts'),
      import('node:path'),
    ]);
    const { readSettings } = await import('../../workflow/project/settings-file.ts');
    const settings = await readSettings(io.cwd);
    const checks = await examineMachine({
      node: io.nodeVersion,
      db: options.db === undefined ? settings.db : resolve(io.cwd, options.db),
      environment: io.environment,
      cwd: io.cwd,
      release: options.release,
    });
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'doctor', checks });
    else {
      const style = styleOf(io);
      const mark = { ok: style.green('ok  '), warn: style.yellow('warn'), bad: style.red('bad ') };
      for (const c of checks)
        io.out(
          `${mark[c.state]} ${c.name}: ${c.message}${c.hint === undefined ? '' : `\n     try: ${c.hint}`}\n`,
        );
    }
    if (checks.some((c) => c.state === 'bad')) exit(4);
  });
};

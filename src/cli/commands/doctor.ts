// lastgood doctor: is this machine able to work, and what does the server of a release support?

import type { ProbePlan } from '../../core/doctor.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, printJson, reading } from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';

interface DoctorOptions extends CommonOptions {
  readonly release?: string;
  readonly prices?: string;
  readonly yes?: boolean;
}

export const registerDoctor: Register = (program, io, exit) => {
  reading(
    program
      .command('doctor')
      .description(
        'check Node, the SQLite addon, the ledger and which keys are set (never printed); with --release also what its server supports',
      )
      .option(
        '--release <file>',
        "ask the provider's catalogue for this release's model, then make two small calls and say what the server supports",
      )
      .option('--prices <file>', 'price file (US dollars per million tokens)')
      .option('--yes', 'make these calls without asking; needed without a terminal'),
  ).action(async (options: DoctorOptions) => {
    const [{ examineMachine }, { readPrices }, { ledgerPlace, readSettings }, text, { resolve }] =
      await Promise.all([
        import('../../jobs/project/doctor.ts'),
        import('../../engine/workplace/open-workplace.ts'),
        import('../../engine/workplace/settings-file.ts'),
        import('../../report/text/doctor-text.ts'),
        import('node:path'),
      ]);
    const settings = await readSettings(io.cwd);
    const prices = options.prices === undefined ? settings.prices : resolve(io.cwd, options.prices);
    const result = await examineMachine({
      node: io.nodeVersion,
      db: ledgerPlace(io, options.db, settings),
      environment: io.environment,
      cwd: io.cwd,
      release: options.release,
      prices: prices === undefined ? null : await readPrices(prices),
      signal: io.signal,
      agrees: (plan) => agrees(io, options, plan, text.probePlanText),
    });
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'doctor', ...result });
    else io.out(text.doctorText(result, styleOf(io)));
    if (result.checks.some((c) => c.state === 'bad')) exit(4);
  });
};

/** Calls cost money: they are announced, and made with --yes or after a person's yes. */
async function agrees(
  io: Io,
  options: DoctorOptions,
  plan: ProbePlan,
  textOf: (plan: ProbePlan) => string,
): Promise<boolean> {
  const { confirm } = io;
  if (options.yes !== true && confirm === undefined) return false;
  if (options.quiet !== true || options.yes !== true) io.err(textOf(plan));
  return options.yes === true || (await confirm?.('Make these calls?')) === true;
}

// lastgood drill: rehearse and time the rollback path before it is needed.

import { LastgoodError } from '../../base/errors.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions } from '../options/run-options.ts';
import { type CommonOptions, duration, printJson, reading, withWorkplace } from '../options/session.ts';
import { type DecisionOptions, decider } from '../options/shipping-options.ts';
import { type Io, styleOf } from '../terminal/io.ts';

interface DrillOptions extends CommonOptions, RunOptionValues, DecisionOptions {
  readonly feature?: string;
  readonly url?: string;
  readonly tokenEnv: string;
  readonly within?: number;
  readonly staging?: string;
  readonly scenario?: string;
  readonly last?: boolean;
}

export const registerDrill: Register = (program, io, exit) => {
  const command = program
    .command('drill')
    .argument(
      '<suite>',
      'suite file, folder, or name under suites/; with --environment also a feature with a ticket',
    )
    .description(
      'rehearse the rollback: restore model and prompt, tools off, human review; each in 15 minutes. --environment flips real flags there',
    );
  runOptions(command, {
    release: "what runs in production (default: the release of the suite's baseline)",
  })
    .option('--staging <file>', 'a staging release: its calls are real')
    .option('--scenario <file>', 'the scenario of the simulator (default: scenario.yaml beside the suite)')
    .option(
      '--environment <name>',
      'flip and set back the real flags and registry of this environment, such as staging (never production)',
    )
    .option('--feature <name>', 'with --environment: whose flags (default: of the ticket or the suite)')
    .option('--url <address>', 'with --environment: read flags through this server (default the ledger)')
    .option('--token-env <name>', 'environment variable with the token for --url', 'LASTGOOD_TOKEN')
    .option(
      '--within <duration>',
      'with --environment: how long a change may take to arrive (default 2s)',
      duration('--within'),
    )
    .option('--by <name>', "with --environment: who decides, for the log (default: git's user.name)")
    .option('--why <text>', 'with --environment: why, for the log', 'drill');
  reading(
    runOptions(command, {
      ...{ trials: true, concurrency: true },
      maxCalls: 'at most this many calls for each step',
    }).option('--last', 'show the newest drill and its age; nothing is run'),
  ).action(async (suite: string, options: DrillOptions) => {
    const [{ drillJob, lastDrillReport }, { drillText }] = await Promise.all([
      import('../../jobs/drill/drill-job.ts'),
      import('../../report/text/drill-text.ts'),
    ]);
    const style = styleOf(io);
    await withWorkplace(io, options, { mustExist: options.last === true }, async ({ work, settings }) => {
      if (options.last === true) {
        const last = await lastDrillReport(work, suite, io.cwd);
        if (last === null) {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'drill', drill: null });
          else io.out(`Suite ${suite} has never been drilled.\n`);
          exit(3);
          return;
        }
        if (options.json) printJson(io, { ...last.report, ageDays: last.ageDays });
        else io.out(drillText(last.report, { style, ageDays: last.ageDays }));
        exit(exitOf(last.report.outcome));
        return;
      }
      const report = await withFlips(io, { work, suite, options }, (flips) =>
        drillJob(work, {
          ...{ suite, cwd: io.cwd, staging: options.staging, scenario: options.scenario, flips },
          // With an environment, what its registry points to is what runs there.
          release: options.release ?? (flips === undefined ? settings.release : undefined),
          settings: {
            trials: options.trials,
            concurrency: options.concurrency ?? settings.concurrency,
            maxCalls: options.maxCalls,
          },
        }),
      );
      if (options.json) printJson(io, report);
      else io.out(drillText(report, { style }));
      exit(exitOf(report.outcome));
    });
  });
};

type Flips = NonNullable<Parameters<typeof import('../../jobs/drill/drill-job.ts').drillJob>[1]['flips']>;

/** Opens the log of shipping and what reads flags, where an environment is named. */
async function withFlips<T>(
  io: Io,
  {
    work,
    suite,
    options,
  }: { readonly work: Workplace; readonly suite: string; readonly options: DrillOptions },
  job: (flips: Flips | undefined) => Promise<T>,
): Promise<T> {
  const { environment, url, tokenEnv, feature, within } = options;
  if (environment === undefined) {
    const alone = (['feature', 'url', 'within', 'by'] as const).find((name) => options[name] !== undefined);
    if (alone !== undefined)
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `--${alone} needs --environment`,
        hint: '--environment staging',
      });
    return job(undefined);
  }
  const [{ ledgerReader }, { withShipping }, { signed }, { ledgerOf }] = await Promise.all([
    import('../../jobs/flag/test-flag.ts'),
    import('../../jobs/registry/open-shipping.ts'),
    import('../../engine/records/signature.ts'),
    import('../options/production.ts'),
  ]);
  const by = await decider(io, options);
  const said = signed(work.mask, {
    by,
    why: options.why,
    command: `drill ${suite} --environment ${environment}`,
  });
  const db = await ledgerOf(io, options);
  const { serverReader } = await import('../options/server-reader.ts');
  const server = url === undefined ? null : await serverReader(url, io.environment[tokenEnv]);
  return withShipping(db, {}, (shipping) =>
    withShipping(db, {}, (reading) =>
      job({
        ...{ shipping, feature, environment, ...said, limitMs: within ?? 2000 },
        read: server ?? ledgerReader(reading, environment, work.clock),
        through: url ?? 'ledger',
      }),
    ),
  );
}

/** A drill that failed is a red gate; one without a clear result is not green either. */
function exitOf(outcome: string): number {
  return outcome === 'passed' ? 0 : outcome === 'failed' ? 1 : 3;
}

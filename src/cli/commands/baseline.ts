// lastgood bless and lastgood baseline: naming what was good, and the log of it.

import type { Register } from '../options/register.ts';
import { type CommonOptions, common, printJson, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

export const registerBaseline: Register = (program, io, exit) => {
  common(
    program
      .command('bless')
      .argument('<ref>', 'snapshot reference')
      .description('name a snapshot as the baseline of its suite; kept in an append-only log')
      .option('--by <name>', "who says so (default: git's user.name)")
      .option('--why <text>', 'why it is good; needed')
      .option('--suite <name>', 'which suite the reference means')
      .option('--override <reason>', 'bless a degraded or unpinned snapshot all the same, and say why'),
  ).action(
    async (
      ref: string,
      options: CommonOptions & { by?: string; why?: string; suite?: string; override?: string },
    ) => {
      const [{ blessSnapshot }, { gitUser }] = await Promise.all([
        import('../../jobs/baseline/bless.ts'),
        import('../../jobs/baseline/git-user.ts'),
      ]);
      const by = options.by ?? (await gitUser(io.cwd, io.environment));
      await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
        const blessing = await blessSnapshot(work, {
          ref,
          by,
          why: options.why,
          suite: options.suite,
          override: options.override,
        });
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'blessing', ...blessing });
        else
          io.out(
            `${blessing.snapshot} is now the baseline of ${blessing.suite} (by ${blessing.by}: ${blessing.why})\n`,
          );
      });
    },
  );

  common(
    program
      .command('baseline')
      .argument('[suite]', 'suite name')
      .description('the baseline of a suite and the log of blessings'),
  ).action(async (suite: string | undefined, options: CommonOptions) => {
    const { baselineText } = await import('../../report/text/baseline-text.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const { knownSuite, suitesOf } = await import('../../engine/exchange/known-suite.ts');
      const asked =
        suite === undefined ? undefined : await knownSuite(suite, await suitesOf(work.store), io.cwd);
      const log = await work.store.blessings(asked);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'baseline', blessings: log });
      else io.out(baselineText(log, { style: styleOf(io), now: work.clock.now() }));
      if (log.length === 0) exit(3);
    });
  });
};

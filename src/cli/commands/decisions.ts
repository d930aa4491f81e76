// lastgood decisions: what a release decided in production, to review or to mark.

import { count } from '../../base/numbers.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, printJson, wholeNumber, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { sinceOption } from './signals.ts';

interface DecisionsOptions extends CommonOptions {
  readonly release: string;
  readonly since?: number | Date;
  readonly unmarked?: boolean;
  readonly limit?: number;
  readonly mark?: string;
  readonly id?: readonly string[];
  readonly by?: string;
  readonly why?: string;
}

export const registerDecisions: Register = (program, io, exit) => {
  common(
    program
      .command('decisions')
      .argument('<feature>', 'feature whose decisions are listed')
      .description('what a withdrawn release decided in production: a list to review and to mark')
      .requiredOption('--release <release>', 'release file, name, or first digits of the fingerprint')
      .option('--since <time>', 'how far back, such as 7d, or an ISO time (default 30d)', sinceOption)
      .option('--unmarked', 'list only decisions that are not marked yet')
      .option('--limit <n>', 'decisions to list (default 1000)', wholeNumber('--limit', 1))
      .option('--mark <mark>', 'mark decisions as reviewed, corrected or reversed')
      .option('--id <ids...>', 'with --mark: ids of the decisions')
      .option('--by <name>', "with --mark: who looked (default: git's user.name)")
      .option('--why <text>', 'with --mark: what was found or done; needed'),
  ).action(async (feature: string, options: DecisionsOptions) => {
    const [{ decisionsJob, markDecisions, markNamed }, { decisionsText }] = await Promise.all([
      import('../../jobs/decisions/decisions.ts'),
      import('../../report/text/decisions-text.ts'),
    ]);
    const mark = options.mark === undefined ? null : markNamed(options.mark);
    const asked = {
      feature,
      release: options.release,
      cwd: io.cwd,
      since: options.since ?? sinceOption('30d'),
    };
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      await withProduction(io, options, async (production) => {
        if (mark !== null) {
          const { gitUser } = await import('../../jobs/baseline/git-user.ts');
          const by = options.by ?? (await gitUser(io.cwd, io.environment));
          const said = { mark, ids: options.id ?? [], by, why: options.why };
          const kept = await markDecisions(work, production, asked, said);
          if (options.json)
            printJson(io, {
              schemaVersion: 1,
              kind: 'decisions-marked',
              feature,
              ids: kept.ids,
              ...kept.mark,
            });
          else
            io.out(
              `marked as ${kept.mark.mark}: ${count(kept.ids.length, 'decision')} (by ${terminalLine(kept.mark.by, 40)}: ${terminalLine(kept.mark.why, 100)})\n`,
            );
          return;
        }
        const { unmarked = false, limit = 1000 } = options;
        const report = await decisionsJob(work, production, { ...asked, unmarked, limit });
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'decisions', ...report });
        else io.out(decisionsText(report, styleOf(io)));
        if (report.removed + report.crowded > 0) exit(3);
      });
    });
  });
};

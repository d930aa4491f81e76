// lastgood history: the series of snapshots, where it changed, and what changed there.

import type { Register } from '../options/register.ts';
import { type CommonOptions, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface HistoryOptions extends CommonOptions {
  readonly case?: string;
  readonly tag?: string;
  readonly all?: boolean;
}

export const registerHistory: Register = (program, io) => {
  reading(
    program
      .command('history')
      .argument('<suite>', 'suite name or file')
      .description('the series of snapshots: onset of each regression, what changed there, slow drift')
      .option('--case <id>', 'one case')
      .option('--tag <tag>', 'the cases with this tag')
      .option('--all', 'list every snapshot'),
  ).action(async (suite: string, options: HistoryOptions) => {
    const [{ historyOfSuite }, { suiteName }, { historyText }] = await Promise.all([
      import('../../jobs/history/history.ts'),
      import('../../jobs/rollback/rollback-job.ts'),
      import('../../report/text/history-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const report = await historyOfSuite(work, {
        suite: await suiteName(work, suite, io.cwd),
        caseId: options.case,
        tag: options.tag,
      });
      if (options.json) printJson(io, report);
      else io.out(historyText(report, { style: styleOf(io), all: options.all === true }));
    });
  });
};

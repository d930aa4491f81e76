// lastgood history: the series of snapshots, where it changed, and what changed there.

import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, printJson, withWorkplace } from '../session.ts';

interface HistoryOptions extends CommonOptions {
  readonly case?: string;
  readonly tag?: string;
  readonly all?: boolean;
}

export const registerHistory: Register = (program, io) => {
  common(
    program
      .command('history')
      .argument('<suite>', 'suite name or file')
      .description('the series of snapshots: onset of each regression, what changed there, slow drift')
      .option('--case <id>', 'one case')
      .option('--tag <tag>', 'the cases with this tag')
      .option('--all', 'list every snapshot'),
  ).action(async (suite: string, options: HistoryOptions) => {
    const [{ historyOfSuite }, { suiteName }, { historyText }] = await Promise.all([
      import('../../workflow/rollback/history.ts'),
      import('../../workflow/rollback/rollback-job.ts'),
      import('../../report/history-text.ts'),
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

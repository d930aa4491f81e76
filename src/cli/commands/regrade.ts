// lastgood regrade: a new grade set over stored outputs, without one call to the subject.

import type { Register } from '../options/register.ts';
import {
  type JudgeBatchValues,
  judgeBatchOf,
  judgeBatchOptions,
  judgeCallLimit,
} from '../options/run-options.ts';
import {
  type CommonOptions,
  printJson,
  reading,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { boundHeap } from '../terminal/limit-heap.ts';

/** Grading is all work and no waiting where the judge is remembered: a thread beside it has to save more than elsewhere to pay. */
const THREAD_FROM_ROWS = 5000;

interface RegradeOptions extends CommonOptions, JudgeBatchValues {
  readonly judge?: string;
  readonly suite?: string;
  readonly judgeVotes?: number;
  readonly fresh?: boolean;
  readonly prices?: string;
}

export const registerRegrade: Register = (program, io, exit) => {
  const command = program.command('regrade');
  reading(
    command
      .argument('<ref>', 'snapshot reference')
      .description('grade the stored outputs of a snapshot again; no subject call, the old grades stay')
      .option('--judge <file>', 'another judge release')
      .option(
        '--suite <suite>',
        "the suite file's graders of today; cases whose content changed are left out",
      )
      .option(
        '--judge-votes <n>',
        'calls of each judge per question, the majority decides; part of the exam',
        wholeNumber('--judge-votes', 1),
      )
      .option('--fresh', 'call the judge even if its verdict is cached')
      .option('--prices <file>', 'price file (US dollars per million tokens)'),
  );
  judgeBatchOptions(command).action(async (ref: string, options: RegradeOptions) => {
    // Thousands of questions wait for their batch at once.
    if (options.batch === true && io.sharesProcess !== true) boundHeap();
    const [{ regradeJob }, { regradeText }] = await Promise.all([
      import('../../jobs/regrade/regrade-job.ts'),
      import('../../report/text/judge-text.ts'),
    ]);
    const needs = { mustExist: true, threadFromRows: THREAD_FROM_ROWS };
    await withWorkplace(io, options, needs, async ({ work }) => {
      const result = await regradeJob(work, {
        ref,
        cwd: io.cwd,
        judge: options.judge,
        suite: options.suite,
        judgeVotes: options.judgeVotes,
        fresh: options.fresh,
        batch: judgeBatchOf(options),
        limit: await judgeCallLimit(options, work),
      });
      if (options.json) {
        printJson(io, {
          schemaVersion: 1,
          kind: 'regrade',
          snapshot: snapshotJson(result.summary),
          source: result.source.id,
          leftOut: result.leftOut,
          removed: result.removed,
          changed: result.changed,
          judgeCalls: result.judgeCalls,
          stoppedBy: result.stoppedBy,
          embedded: result.embedded,
          existed: result.existed,
        });
      } else io.out(regradeText(result, { style: styleOf(io) }));
      if (work.signal.aborted) exit(130);
      else if (result.stoppedBy === 'fatal') exit(4);
      else if (result.stoppedBy !== null || result.summary.validity === 'invalid') exit(3);
    });
  });
};

// lastgood run --rerun failures: only the cases that did not pass.

import { resolve } from 'node:path';
import { type RunOptionValues, runSettings } from '../options/run-options.ts';
import { type CommonOptions, printJson, snapshotJson, withWorkplace } from '../options/session.ts';
import type { Io } from '../terminal/io.ts';
import { styleOf } from '../terminal/io.ts';

export interface RerunOptions extends CommonOptions, Omit<RunOptionValues, 'release'> {
  readonly release?: string | undefined;
  readonly against?: string;
  /** Where committed baselines are. */
  readonly snapshots?: string;
  readonly at?: Date;
}

export async function runFailuresCommand(
  io: Io,
  exit: (code: number) => void,
  suite: string,
  options: RerunOptions,
): Promise<void> {
  const { hasBaseline, planRerun, rerunOf, runAgain } = await import('../../jobs/run/rerun.ts');
  await withWorkplace(io, options, { mustExist: true, at: options.at }, async ({ work, settings }) => {
    const committed = resolve(io.cwd, options.snapshots ?? 'snapshots');
    const wanted = await runSettings(options, settings, work);
    const planned = await planRerun(work, {
      suite,
      release: options.release ?? settings.release,
      cwd: io.cwd,
      filter: options.filter,
      judge: options.judge,
      against: options.against,
      settings: wanted,
    });
    const { assignment } = planned;
    if (options.dryRun === true && assignment !== null) {
      const { estimate } = await import('../../jobs/run/run-job.ts');
      const found = await estimate(work, assignment, wanted);
      if (options.json) return printJson(io, { schemaVersion: 1, kind: 'estimate', ...found });
      const { estimateText } = await import('../../report/text/run-text.ts');
      return io.out(estimateText(found));
    }
    const ran = assignment === null ? null : await runAgain(work, { ...planned, assignment }, wanted);
    const rerun = ran?.rerun ?? rerunOf(planned, 0, [], []);
    if (options.json) {
      const snapshot = ran === null ? null : snapshotJson(ran.summary);
      printJson(io, { schemaVersion: 1, kind: 'run', snapshot, comparison: null, rerun });
    } else {
      const [{ runText }, { rerunText }] = await Promise.all([
        import('../../report/text/run-text.ts'),
        import('../../report/text/rerun-text.ts'),
      ]);
      if (ran !== null) {
        io.out(runText(ran.summary, { style: styleOf(io), next: `lastgood show ${ran.summary.id}` }));
      }
      io.out(rerunText(rerun));
    }
    const { stoppedBy } = ran?.report ?? { stoppedBy: null };
    if (stoppedBy === 'cancelled') exit(130);
    else if (stoppedBy === 'fatal') exit(4);
    else if (stoppedBy !== null || ran?.summary.validity === 'invalid') exit(3);
    // Running again what failed must not turn a red suite green.
    else exit((await hasBaseline(work, planned.source.suite, committed)) && ran !== null ? 3 : 0);
  });
}

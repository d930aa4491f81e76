// The regrade command: reference and files resolved, then the new grade set.

import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/load-release.ts';
import { loadSuite } from '../../suite/load-suite.ts';
import { type RegradeResult, regrade } from './regrade.ts';
import type { RegradeBatch } from './regrade-batch.ts';

export interface RegradeJobInput {
  readonly ref: string;
  readonly cwd: string;
  /** Release file of another judge. */
  readonly judge?: string | undefined;
  /** Suite file whose graders count instead of those that ran. */
  readonly suite?: string | undefined;
  readonly judgeVotes?: number | undefined;
  readonly fresh?: boolean | undefined;
  readonly batch?: RegradeBatch | undefined;
  readonly limit?: JudgeLimit | undefined;
}

export async function regradeJob(work: Workplace, input: RegradeJobInput): Promise<RegradeResult> {
  const suite =
    input.suite === undefined ? undefined : await loadSuite(await findSuiteFile(input.suite, input.cwd));
  const source = await work.store.resolve(input.ref, { suite: suite?.name, now: work.clock.now() });
  const file = input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd);
  const examiners =
    suite === undefined
      ? { judge: file === undefined ? undefined : await loadRelease(file), embedder: undefined }
      : await loadExaminers(suite, file);
  return regrade(work, {
    source,
    suite,
    ...examiners,
    judgeVotes: input.judgeVotes,
    fresh: input.fresh,
    batch: input.batch,
    limit: input.limit,
  });
}

// The judge commands: references and files resolved, then the measuring.

import type { Release } from '../../core/index.ts';
import type { StoredCalibration } from '../../engine/examiners/stored-calibration.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { type CalibrateInput, judgeCalibrate } from './judge-calibrate.ts';
import { type JudgeCheck, judgeCheck } from './judge-check.ts';
import { judgePrefer, type Preferences } from './judge-prefer.ts';
import { runSentinel, type Sentinel } from './judge-sentinel.ts';

interface Judged {
  readonly cwd: string;
  readonly suite?: string | undefined;
  /** Release file of another judge than the one that graded. */
  readonly judge?: string | undefined;
}

export async function judgeCheckJob(
  work: Workplace,
  input: Judged & { readonly ref: string; readonly times: number; readonly outputs?: number | undefined },
): Promise<JudgeCheck> {
  const snapshot = await work.store.resolve(input.ref, { suite: input.suite, now: work.clock.now() });
  return judgeCheck(work, {
    snapshot,
    times: input.times,
    outputs: input.outputs,
    judge: await judgeFrom(input),
  });
}

export async function judgeSentinelJob(
  work: Workplace,
  input: Judged & { readonly ref: string; readonly outputs?: number | undefined },
): Promise<Sentinel> {
  const baseline = await work.store.resolve(input.ref, { suite: input.suite, now: work.clock.now() });
  return runSentinel(work, { baseline, n: input.outputs, judge: await judgeFrom(input) });
}

export async function judgePreferJob(
  work: Workplace,
  input: Judged & {
    readonly baseline: string;
    readonly candidate: string;
    readonly cases?: number | undefined;
  },
): Promise<Preferences> {
  const now = work.clock.now();
  const baseline = await work.store.resolve(input.baseline, { suite: input.suite, now });
  const candidate = await work.store.resolve(input.candidate, { suite: input.suite ?? baseline.suite, now });
  return judgePrefer(work, { baseline, candidate, cases: input.cases, judge: await judgeFrom(input) });
}

export async function judgeCalibrateJob(
  work: Workplace,
  input: Judged & Omit<CalibrateInput, 'snapshot' | 'judge'> & { readonly snapshot?: string | undefined },
): Promise<StoredCalibration> {
  const { snapshot, judge: _judge, ...rest } = input;
  return judgeCalibrate(work, {
    ...rest,
    judge: await judgeFrom(input),
    snapshot:
      snapshot === undefined
        ? undefined
        : await work.store.resolve(snapshot, { suite: input.suite, now: work.clock.now() }),
  });
}

async function judgeFrom({ cwd, judge }: Judged): Promise<Release | undefined> {
  return judge === undefined ? undefined : loadRelease(await findReleaseFile(judge, cwd));
}

// The nightly command: files resolved and checked, the webhook's address found, then one night.

import { resolve } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import { type Assignment, loadAssignment } from '../../engine/arms/assignment.ts';
import { refuseUnbatchable } from '../../engine/arms/batch-mode.ts';
import { durationText } from '../../engine/arms/run-settings.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import { webhookOf } from '../../engine/workplace/webhook-address.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { type NightlyInput, type NightlyResult, runNightly } from './nightly.ts';

export interface NightlyJobInput extends Omit<NightlyInput, 'webhook' | 'snapshots'> {
  readonly suite: string | undefined;
  readonly release: string | undefined;
  readonly cwd: string;
  /** Folder with exported snapshots, from `cwd` (default `snapshots`). */
  readonly snapshots?: string | undefined;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  /** An address, or `env:NAME`; undefined = `LASTGOOD_WEBHOOK_URL`, if it is set. */
  readonly webhook: string | undefined;
}

/** Checks everything that can be wrong before the first call, then runs the night. */
export async function nightlyJob(work: Workplace, input: NightlyJobInput): Promise<NightlyResult> {
  checkSpread(input);
  const webhook = webhookOf(work, input.webhook);
  const snapshots = { dir: resolve(input.cwd, input.snapshots ?? 'snapshots'), cwd: input.cwd };
  const assignment = await nightlyAssignment(work, input);
  await refuseUnbatchable(work, assignment, { ...input.settings, spreadMs: input.spreadMs });
  return runNightly(work, assignment, { ...input, webhook, snapshots });
}

/** The second run of a night starts two hours after the first by default, and both must lie within half a day: one session. */
const LONGEST_SPREAD_MS = 10 * 3_600_000;

function checkSpread({ spreadMs, settings }: Pick<NightlyJobInput, 'spreadMs' | 'settings'>): void {
  if (spreadMs === undefined) return;
  if (spreadMs > LONGEST_SPREAD_MS)
    throw new LastgoodError({
      code: 'SPREAD_TOO_LONG',
      message: `--spread takes at most ${durationText(LONGEST_SPREAD_MS)}, not ${durationText(spreadMs)}`,
      hint: 'a night that lasts longer runs into the next one',
    });
  const { deadlineMs } = settings;
  if (deadlineMs !== undefined && deadlineMs <= spreadMs)
    throw new LastgoodError({
      code: 'SPREAD_DEADLINE',
      message: `--deadline ${durationText(deadlineMs)} would end the night before its last trials start (--spread ${durationText(spreadMs)})`,
      hint: 'give --deadline more time than --spread',
    });
}

async function nightlyAssignment(
  work: Pick<Workplace, 'progress'>,
  input: Pick<NightlyJobInput, 'suite' | 'release' | 'cwd' | 'filter' | 'judge'>,
): Promise<Assignment> {
  if (input.suite === undefined)
    throw new LastgoodError({
      code: 'NO_SUITE',
      message: 'no suite was named',
      hint: 'lastgood nightly SUITE --release FILE, or set `suite:` in lastgood.yaml',
    });
  if (input.release === undefined)
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: 'no release was named',
      hint: 'pass --release FILE, or set `release:` in lastgood.yaml',
    });
  return loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: await findReleaseFile(input.release, input.cwd),
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
    onWarning: (warning) => work.progress.warn(warning),
  });
}

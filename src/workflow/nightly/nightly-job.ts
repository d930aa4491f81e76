// The nightly command: files resolved and checked, the webhook's address found, then one night.

import { LastgoodError } from '../../core/index.ts';
import { webhookUrl } from '../../provider/webhook.ts';
import { findReleaseFile, findSuiteFile } from '../project/settings-file.ts';
import { type Assignment, loadAssignment } from '../run/assignment.ts';
import type { Workplace } from '../workplace.ts';
import { type NightlyInput, type NightlyResult, runNightly } from './nightly.ts';

/** Holds the webhook's address when nothing else is said. */
export const WEBHOOK_VARIABLE = 'LASTGOOD_WEBHOOK_URL';

export interface NightlyJobInput extends Omit<NightlyInput, 'webhook'> {
  readonly suite: string | undefined;
  readonly release: string | undefined;
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  /** An address, or `env:NAME`; undefined = `LASTGOOD_WEBHOOK_URL`, if it is set. */
  readonly webhook: string | undefined;
}

/** Checks everything that can be wrong before the first call, then runs the night. */
export async function nightlyJob(work: Workplace, input: NightlyJobInput): Promise<NightlyResult> {
  const webhook = webhookOf(work, input.webhook);
  return runNightly(work, await nightlyAssignment(input), { ...input, webhook });
}

async function nightlyAssignment(
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
  });
}

/** The webhook's address, which from here on is masked wherever it might be written. */
export function webhookOf(work: Pick<Workplace, 'env' | 'mask'>, asked: string | undefined): URL | null {
  const name = asked?.startsWith('env:')
    ? asked.slice('env:'.length)
    : asked === undefined
      ? WEBHOOK_VARIABLE
      : null;
  const text = name === null ? asked : work.env(name);
  if (text === undefined || text === '') {
    if (asked === undefined) return null;
    throw new LastgoodError({
      code: 'WEBHOOK_URL',
      message: `the environment variable ${name ?? ''} that should hold the webhook's address is not set`,
    });
  }
  work.mask.add(text);
  const url = webhookUrl(text);
  work.mask.add(url.href);
  return url;
}

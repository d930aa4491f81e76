// A desk whose release in force is bad: the suite shows it, production shows it, and the release before is good.

import { join } from 'node:path';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import type { AppliedReport } from '../../src/core/applied-rollback.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { appliedRollbackSchema } from '../../src/report/json/applied-rollback-schema.ts';
import { BAD_PROMPT, type HelpDesk, helpDesk, openaiRelease } from './help-desk.ts';

const HOUR_MS = 3_600_000;
const MESSAGE = [{ role: 'user', content: '{{ question }}' }];
export const WHO = ['--by', 'ada', '--why', 'INC-7'];
/** A stage is over as soon as it has seen enough. */
export const QUICK = ['--for', '0.001s'];

export interface Sent {
  readonly n: number;
  /** So many have a wrong schema. */
  readonly failures?: number;
  readonly errors?: number;
  readonly hoursAgo?: number;
  readonly more?: object;
}

export interface AppliedWorld extends HelpDesk {
  readonly good: string;
  readonly bad: string;
  /** Answers of a release in production; `null` names none. */
  answers(release: string | null, of: Sent): Promise<void>;
  apply(...more: string[]): Promise<{ code: number; json: AppliedReport; stdout: string; stderr: string }>;
  flag(key: string, ...more: string[]): Promise<unknown>;
  /** What the registry points to. */
  inForce(): Promise<string>;
}

/** Good for two weeks, bad for six hours. Schema failures went from 0.5% to 8%. */
export async function appliedWorld(
  options: { readonly history?: boolean; readonly decide?: boolean; readonly db?: string } = {},
): Promise<AppliedWorld> {
  const d = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({ prompt: { system: BAD_PROMPT, messages: MESSAGE } }),
    },
  });
  await d.write(
    'features/desk.yaml',
    stringify({
      feature: 'desk',
      control: { release: '../releases/desk.yaml' },
      candidate: { release: '../releases/generous.yaml' },
      suite: '../suite.yaml',
      stages: [{ percent: 100 }],
      gates: [Object.fromEntries([['signal', 'complaints'], ['count', 3], ['then', 'freeze']])],
      'first-rollback': { restore: ['prompt'], flags: { 'ai.action.mode': 'draft' } },
    }),
  );
  await d.bless(await d.run('desk'));
  await d.run('generous');
  const set = async (release: string): Promise<string> => {
    const said = await d.cli<{ fingerprint: string }>(
      ...['registry', 'set', 'desk', `releases/${release}.yaml`, '--by', 'ada', '--why', release],
      ...['--override', 'a test', '--json'],
    );
    if (said.code !== 0) throw new Error(said.stderr);
    return said.json.fingerprint;
  };
  const good = await set('desk');
  const bad = await set('generous');
  await sixHoursAgo(d.dir);
  let id = 0;
  const lines = (release: string | null, of: Sent): string[] => {
    const at = new Date(Date.now() - (of.hoursAgo ?? 0) * HOUR_MS).toISOString();
    return Array.from({ length: of.n }, (_, i) =>
      JSON.stringify({
        ...{ id: `o${id++}`, at, ...(release === null ? {} : { variant: release }), output: 'Yes.' },
        ...(i < (of.errors ?? 0) ? { error: 'timeout' } : { schema_valid: i >= (of.failures ?? 0) }),
        ...of.more,
      }),
    );
  };
  const send = async (all: readonly string[]): Promise<void> => {
    const file = await d.write(`production-${id}.jsonl`, `${all.join('\n')}\n`);
    const sent = await d.cli('observe', file, '--feature', 'desk');
    if (sent.code !== 0) throw new Error(sent.stderr);
  };
  if (options.history !== false) {
    const hours = Array.from({ length: 24 * 22 }, (_, i) => 24 * 22 - i);
    await send(
      hours.flatMap((hoursAgo) =>
        hoursAgo > 6
          ? lines(good, { n: 20, failures: hoursAgo % 10 === 0 ? 1 : 0, hoursAgo })
          : lines(bad, { n: 200, failures: 16, hoursAgo }),
      ),
    );
  }
  if (options.decide !== false) {
    const decided = await d.cli('rollback', 'help-desk', '--json');
    if (decided.code !== 0) throw new Error(decided.stderr);
  }
  return {
    ...d,
    good,
    bad,
    answers: (release, of) => send(lines(release, of)),
    apply: async (...more) => {
      const said = await d.cli<AppliedReport>('rollback', 'desk', '--apply', '--json', ...more);
      if (said.code < 2 && !more.includes('--dry-run'))
        expect(appliedRollbackSchema.safeParse(said.json).error).toBeUndefined();
      return said;
    },
    flag: async (key, ...more) =>
      (await d.cli<{ value: unknown }>('flag', 'get', key, '--feature', 'desk', '--json', ...more)).json.value,
    inForce: async () =>
      (await d.cli<{ entries: { current: { fingerprint: string } }[] }>('registry', 'list', 'desk', '--json')).json
        .entries[0]?.current.fingerprint ?? '',
  };
}

/** The bad release came six hours ago, not just now. */
async function sixHoursAgo(dir: string): Promise<void> {
  const log = await openShippingLog(join(dir, 'ledger.db'));
  const newest = (await log.changes(0)).at(-1);
  if (newest === undefined) throw new Error('no pointer');
  const { no: _, ...change } = newest;
  await log.append({ ...change, at: new Date(Date.now() - 6 * HOUR_MS).toISOString() });
  await log.close();
}

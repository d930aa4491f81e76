// A desk whose release in force is bad: the suite shows it, production shows it, and the release before is good.

import { cp } from 'node:fs/promises';
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
  /** From now on commands use a copy of the ledger as it was made, or of another one. */
  fork(name: string, from?: string): Promise<string>;
  /** Answers of a release in production; `null` names none. */
  answers(release: string | null, of: Sent): Promise<void>;
  apply(...more: string[]): Promise<{ code: number; json: AppliedReport; stdout: string; stderr: string }>;
  flag(key: string, ...more: string[]): Promise<unknown>;
  /** What the registry points to. */
  inForce(): Promise<string>;
}

/** Good for a week, bad for six hours. Schema failures went from 0.5% to 8%. */
export async function appliedWorld(
  options: { readonly decide?: boolean; readonly db?: string | undefined } = {},
): Promise<AppliedWorld> {
  let ledger = options.db;
  const d = await helpDesk({
    ledger: () => ledger,
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
      gates: [
        Object.fromEntries([
          ['signal', 'complaints'],
          ['count', 3],
          ['then', 'freeze'],
        ]),
      ],
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
  await sixHoursAgo(options.db ?? join(d.dir, 'ledger.db'));
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
  await send(
    Array.from({ length: 24 * 8 }, (_, i) => 24 * 8 - i).flatMap((hoursAgo) =>
      hoursAgo > 6
        ? lines(good, { n: 10, failures: hoursAgo % 20 === 0 ? 1 : 0, hoursAgo })
        : lines(bad, { n: 200, failures: 16, hoursAgo }),
    ),
  );
  if (options.decide !== false) {
    const decided = await d.cli('rollback', 'help-desk', '--json');
    if (decided.code !== 0) throw new Error(decided.stderr);
  }
  return {
    ...d,
    good,
    bad,
    fork: async (name, from = join(d.dir, 'ledger.db')) => {
      const db = join(d.dir, `${name}.db`);
      for (const end of ['', '-wal', '-shm']) await cp(`${from}${end}`, `${db}${end}`).catch(() => {});
      ledger = db;
      return db;
    },
    answers: (release, of) => send(lines(release, of)),
    apply: async (...more) => {
      const said = await d.cli<AppliedReport>('rollback', 'desk', '--apply', '--json', ...more);
      if (said.code < 2 && !more.includes('--dry-run'))
        expect(appliedRollbackSchema.safeParse(said.json).error).toBeUndefined();
      return said;
    },
    flag: async (key, ...more) =>
      (await d.cli<{ value: unknown }>('flag', 'get', key, '--feature', 'desk', '--json', ...more)).json
        .value,
    inForce: async () =>
      (await d.cli<{ entries: { current: { fingerprint: string } }[] }>('registry', 'list', 'desk', '--json'))
        .json.entries[0]?.current.fingerprint ?? '',
  };
}

/** The bad release came six hours ago, not just now. */
async function sixHoursAgo(db: string): Promise<void> {
  const log = await openShippingLog(db);
  const newest = (await log.changes(0)).at(-1);
  if (newest === undefined) throw new Error('no pointer');
  const { no: _, ...change } = newest;
  await log.append({ ...change, at: new Date(Date.now() - 6 * HOUR_MS).toISOString() });
  await log.close();
}

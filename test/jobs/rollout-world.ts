// A desk whose candidate is being rolled out: releases, ticket, production lines, and the real command line.

import { expect } from 'vitest';
import { stringify } from 'yaml';
import type { RolloutReport } from '../../src/core/rollout.ts';
import { rolloutSchema } from '../../src/report/json/rollout-schema.ts';
import { GOOD_PROMPT, type HelpDesk, helpDesk, openaiRelease } from './help-desk.ts';

const HOUR_MS = 3_600_000;
const MESSAGE = [{ role: 'user', content: '{{ question }}' }];

/** `then` is the ticket's own word, and no promise. */
export const gate = (action: string, more: object): object =>
  Object.fromEntries([...Object.entries(more), ['then', action]]);

const ROLLOUT_TICKET = {
  feature: 'desk',
  control: { release: '../releases/desk.yaml' },
  candidate: { release: '../releases/brief.yaml' },
  suite: '../suite.yaml',
  // The time is a moment, so that a test need not wait; `sample` says how much a stage must see.
  stages: [
    { percent: 10, for: '0.001s', sample: 250 },
    { percent: 50, for: '0.001s', sample: 250 },
    { percent: 100 },
  ],
  gates: [
    gate('rollback', {
      signal: 'schema-failures',
      over: '200 calls',
      above: '1%',
      'while-control-below': '0.2%',
    }),
    gate('rollback', { signal: 'latency.p95', for: '30m', times: 2, of: 'control-7d' }),
  ],
  'first-rollback': { restore: ['prompt'], flags: { 'ai.action.mode': 'draft' } },
};
export const WAIVED = ['--waive', 'ticket', '--waive', 'suite', '--waive', 'target', '--waive', 'drill'];

export interface Answers {
  readonly n: number;
  /** Of so many the schema is not valid. */
  readonly failures?: number;
  readonly latency?: number;
  readonly segment?: string;
  readonly hoursAgo?: number;
  readonly more?: (i: number) => object;
}

export interface RolloutWorld extends HelpDesk {
  readonly fingerprint: { readonly control: string; readonly candidate: string };
  /** Sends answers of one arm to production. */
  answers(arm: 'control' | 'candidate' | string, of: Answers): Promise<void>;
  rollout(
    command: string,
    ...more: string[]
  ): Promise<{ code: number; json: RolloutReport; stderr: string; stdout: string }>;
  /** Value of a flag of the feature, for everybody or for a request. */
  flag(key: string, ...more: string[]): Promise<unknown>;
}

/** The control is in force, and production has 2,000 answers of it. */
export async function rolloutWorld(ticket: object = {}): Promise<RolloutWorld> {
  const d = await helpDesk({
    releases: {
      desk: openaiRelease(),
      brief: openaiRelease({ prompt: { system: `${GOOD_PROMPT} Be brief.`, messages: MESSAGE } }),
    },
  });
  await d.write('features/desk.yaml', stringify({ ...ROLLOUT_TICKET, ...ticket }));
  const set = await d.cli<{ fingerprint: string }>(
    ...['registry', 'set', 'desk', 'desk', '--by', 'ada', '--why', 'first', '--override', 'a test'],
    ...['--suite', 'suite.yaml', '--json'],
  );
  if (set.code !== 0) throw new Error(set.stderr);
  const print = async (name: string): Promise<string> =>
    (await d.cli<{ fingerprint: string }>('fingerprint', `releases/${name}.yaml`, '--json')).json.fingerprint;
  const fingerprint = { control: await print('desk'), candidate: await print('brief') };
  let id = 0;
  const answers = async (arm: string, of: Answers): Promise<void> => {
    const at = new Date(Date.now() - (of.hoursAgo ?? 0) * HOUR_MS).toISOString();
    const variant =
      arm === 'control' ? fingerprint.control : arm === 'candidate' ? fingerprint.candidate : arm;
    const lines = Array.from({ length: of.n }, (_, i) =>
      JSON.stringify({
        // Each answer is of a user of its own, unless `more` says otherwise.
        ...{ id: `o${id++}`, user: `u${id}`, at, variant, segment: of.segment, output: 'Yes.' },
        schema_valid: i >= (of.failures ?? 0),
        // Spread around the given one, as latencies are.
        latency_ms: (of.latency ?? 900) * (0.5 + (i % 100) / 100),
        ...of.more?.(i),
      }),
    );
    const file = await d.write(`production-${id}.jsonl`, `${lines.join('\n')}\n`);
    const sent = await d.cli('observe', file, '--feature', 'desk');
    if (sent.code !== 0) throw new Error(sent.stderr);
  };
  await answers('control', { n: 2000, hoursAgo: 48, failures: 2 });
  return {
    ...d,
    fingerprint,
    answers,
    rollout: async (command, ...more) => {
      const said = await d.cli<RolloutReport>('rollout', command, 'desk', '--json', ...more);
      if (said.code < 2) expect(rolloutSchema.safeParse(said.json).error).toBeUndefined();
      return said;
    },
    flag: async (key, ...more) =>
      (await d.cli<{ value: unknown }>('flag', 'get', key, '--feature', 'desk', '--json', ...more)).json
        .value,
  };
}

export const SIGNED = ['--by', 'ada', '--why', 'version 2'];

/** Started, with a first stage that is over. */
export async function atHalf(world: RolloutWorld): Promise<void> {
  const started = await world.rollout('start', ...SIGNED, ...WAIVED);
  if (started.code !== 0) throw new Error(started.stderr);
  await healthy(world, 300, 2700);
  const { json } = await world.rollout('step');
  if (json.percent !== 50) throw new Error(`still at ${json.percent}%: ${json.holds}`);
}

export async function healthy(world: RolloutWorld, candidate: number, control: number): Promise<void> {
  await world.answers('candidate', { n: candidate });
  await world.answers('control', { n: control, failures: Math.floor(control / 1000) });
}

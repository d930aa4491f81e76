// The registry from the command line: what may be pointed to, what is refused, and how an old release ends.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import type { RegistryEntry } from '../../src/core/index.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import { listRegistry } from '../../src/jobs/registry/list-registry.ts';
import { withShipping } from '../../src/jobs/registry/open-shipping.ts';
import { registrySchema } from '../../src/report/json/shipping-schema.ts';
import { placeOf, registryOf, servedRelease } from '../../src/rollout/registry.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { BAD_PROMPT, GOOD_PROMPT, type HelpDesk, helpDesk, openaiRelease } from './help-desk.ts';

const MESSAGE = [{ role: 'user', content: '{{ question }}' }];
const SIGNED = ['--by', 'ada', '--why', 'release train 14'];

function desk(): Promise<HelpDesk> {
  return helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(),
      brief: openaiRelease({ prompt: { system: `${GOOD_PROMPT} Be brief.`, messages: MESSAGE } }),
      generous: openaiRelease({ prompt: { system: BAD_PROMPT, messages: MESSAGE } }),
    },
  });
}

const set = (d: HelpDesk, release: string, ...more: string[]) =>
  d.cli('registry', 'set', 'support', release, '--suite', 'suite.yaml', ...SIGNED, ...more);

async function entry(d: HelpDesk): Promise<RegistryEntry> {
  const said = await d.cli<{ entries: RegistryEntry[] }>('registry', 'list', '--json');
  expect(registrySchema.safeParse(said.json).error).toBeUndefined();
  return said.json.entries[0] as RegistryEntry;
}

test('a release is pointed to only when a valid snapshot shows that it is good', async () => {
  const d = await desk();
  expect((await d.cli('registry', 'list')).code).toBe(3);
  const unproven = await set(d, 'desk');
  expect(unproven).toMatchObject({ code: 3, stderr: expect.stringContaining('no valid snapshot') });

  await d.run('generous');
  const bad = await set(d, 'generous');
  expect(bad).toMatchObject({ code: 3, stderr: expect.stringContaining('below the floor') });
  expect((await d.cli('registry', 'list')).code).toBe(3);

  const good = await d.run('desk');
  expect(
    (await d.cli('registry', 'set', 'support', 'desk', '--suite', 'suite.yaml', '--by', 'ada')).stderr,
  ).toContain('WHO_AND_WHY');
  expect((await set(d, 'desk')).code).toBe(0);
  expect(await entry(d)).toMatchObject({
    feature: 'support',
    environment: 'production',
    current: { release: 'desk', snapshot: good, by: 'ada', why: 'release train 14', overrode: [] },
    before: null,
    quality: { passRate: 1, snapshot: good, direction: 'unknown', against: null },
  });

  const forced = await set(d, 'generous', '--override', 'the desk asked for it');
  expect(forced.code).toBe(0);
  const now = await entry(d);
  expect(now.current.overrode.join(' ')).toMatch(/below the floor.*reason given: the desk asked for it/);
  expect(now).toMatchObject({
    before: { release: 'desk', layersChanged: ['prompt'], verdict: null },
    quality: { direction: 'lower', against: { what: 'release before', passRate: 1 } },
  });
  const text = (await d.cli('registry', 'list', 'support')).stdout;
  expect(text).toMatch(/model openai gpt-desk-2026-01-15 {2}prompt [0-9a-f]{12}/);
  expect(text).toMatch(/lower than the release before .*: −\d+\.\d points, not tested/);

  const back = await d.cli('registry', 'restore', 'support', ...SIGNED);
  expect(back.code).toBe(0);
  expect((await entry(d)).current).toMatchObject({ release: 'desk', restored: true });
  const history = await d.cli<{ changes: { body: { release: string } }[] }>(
    ...['registry', 'history', 'support', '--json'],
  );
  expect(history.json.changes.map((c) => c.body.release)).toEqual(['desk', 'generous', 'desk']);
  // A candidate is in force for nobody until a share is set, and ends with a restore.
  expect((await set(d, 'desk', '--candidate')).stderr).toContain('REGISTRY_CURRENT');
  const candidate = await set(d, 'generous', '--candidate', '--override', 'a canary');
  expect(candidate.stdout).toContain('has the candidate generous');
  expect(await entry(d)).toMatchObject({ current: { release: 'desk' }, candidate: { release: 'generous' } });
  expect((await d.cli('registry', 'restore', 'support', '--override', 'x', ...SIGNED)).code).toBe(0);
  expect((await entry(d)).candidate).toBeNull();
  await d.cli('registry', 'restore', 'support', ...SIGNED);
  expect((await d.cli('registry', 'set', '*', 'desk', '--suite', 'suite.yaml', ...SIGNED)).code).toBe(2);
  // The first digits of a fingerprint that the ledger knows do as well; another environment is another pointer.
  const { fingerprint } = (await entry(d)).current;
  const staging = await set(d, fingerprint.slice(0, 12), '--environment', 'staging');
  expect(staging.code).toBe(0);
  expect((await d.cli('registry', 'list', '--environment', 'staging')).stdout).toContain('staging');
});

test('a release that a rollback replaced is withdrawn until it is blessed again', async () => {
  const d = await desk();
  const id = await d.run('desk');
  const { fingerprint } = (await d.cli('show', id, '--json')).json.snapshot;
  const work = await openWorkplace({
    ...{ db: join(d.dir, 'ledger.db'), root: d.dir, environment: { HOME: d.dir }, progress: SILENT },
    ...{ version: 'test', node: 'test', platform: 'test', rng: new Mt19937(1) },
    ...{ signal: new AbortController().signal, hardSignal: new AbortController().signal },
  });
  await work.store.keepRecord({
    ...{ kind: 'rollback', suite: 'help-desk', at: new Date().toISOString() },
    body: { decision: 'verified', current: { id, fingerprint, release: 'desk', passRate: 1 }, target: null },
  });
  await work.store.close();
  const refused = await set(d, 'desk');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('it was withdrawn') });
  await d.bless(id);
  expect((await set(d, 'desk')).code).toBe(0);
});

test('a deprecated release is reachable until its date, and not an instant longer', async () => {
  const d = await desk();
  await d.run('desk');
  await d.run('brief');
  await set(d, 'desk');
  const until = new Date(Date.now() + 3 * 86_400_000).toISOString();
  const old = ['--until', until, '--message', 'use the brief answers', ...SIGNED];
  expect((await d.cli('registry', 'deprecate', 'support', 'desk', ...old)).stderr).toContain(
    'REGISTRY_CURRENT',
  );
  expect((await set(d, 'brief')).code).toBe(0);
  const past = ['--until', '2020-01-01', '--message', 'gone', ...SIGNED];
  expect((await d.cli('registry', 'deprecate', 'support', 'desk', ...past)).code).toBe(2);
  expect((await d.cli('registry', 'deprecate', 'support', 'nothing', ...old)).stderr).toContain(
    'REGISTRY_UNKNOWN',
  );
  expect((await d.cli('registry', 'deprecate', 'support', 'desk', ...old)).code).toBe(0);
  expect((await d.cli('registry', 'list')).stdout).toMatch(/old +desk .*use the brief answers \(warning/);

  const db = join(d.dir, 'ledger.db');
  await withShipping(db, {}, async (shipping) => {
    const place = placeOf(registryOf(await shipping.changes(0)), 'support', 'production');
    if (place === undefined) throw new Error('no pointer');
    const at = (ms: number, asked: string | null) =>
      servedRelease(place, asked, new Date(Date.parse(until) + ms));
    expect(at(-1, null)).toMatchObject({ release: { release: 'brief' }, deprecated: null });
    expect(at(-1, 'desk')).toMatchObject({ release: { release: 'desk' }, ended: false });
    expect(at(0, 'desk')).toMatchObject({ release: { release: 'brief' }, deprecated: null, ended: true });
    expect(at(-1, 'unheard of')).toMatchObject({ release: { release: 'brief' }, deprecated: null });
    const later = {
      clock: { now: () => new Date(Date.parse(until) + 1) },
      store: (await openedStore(db)) as never,
    };
    expect((await listRegistry(later, shipping, {}))[0]?.deprecated).toMatchObject([{ state: 'ended' }]);
  });
});

async function openedStore(db: string) {
  const { openLedger } = await import('../../src/ledger/index.ts');
  const store = await openLedger(db);
  onTestFinished(() => store.close());
  return store;
}

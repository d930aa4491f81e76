// Flags and rollouts at the pages: what a person can decide, what is refused and why, and who is written into the log.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { knownRollout, writeEvent } from '../../src/jobs/rollout/rollout-log.ts';
import { RolloutStates } from '../../src/jobs/rollout/rollout-states.ts';
import { RolloutsThread } from '../../src/jobs/rollout/rollouts-thread.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { loggedRollout } from './logged-rollout.ts';
import { expectPublished } from './page-twins.ts';
import { type Running, running } from './running.ts';
import { Visitor } from './visitor.ts';

const release = (release: string, digit: string) => ({ release, fingerprint: digit.repeat(64) });
const ARMS = { control: release('old', 'a'), candidate: release('new', 'b') };
const DESK = { feature: 'desk', environment: 'production', suite: 'desk', text: 'version 2', looks: 2 };

async function withRollout(): Promise<{ server: Running; visitor: Visitor }> {
  const server = await running();
  await loggedRollout(server.db, {
    ...{ ...DESK, ...ARMS },
  });
  const visitor = new Visitor(server);
  await visitor.signIn(await server.token('ada-laptop', 'operate'));
  return { server, visitor };
}

/** Sends a form of a page, and reads the page that it leads to. */
async function sent(
  visitor: Visitor,
  page: string,
  path: string,
  fields: Record<string, string>,
): Promise<string> {
  const answer = await visitor.form(path, { ...fields, csrf: await visitor.csrf(page) });
  expect(answer.status).toBe(303);
  return (await visitor.get(answer.headers.get('location') ?? '')).text();
}

async function json(visitor: Visitor, path: string): Promise<Record<string, unknown>> {
  return (await (await visitor.get(`/api${path}`)).json()) as Record<string, unknown>;
}

it('a rollout is paused, resumed, stepped and ended by a person, and flags follow', async () => {
  const { visitor, server } = await withRollout();
  const page = '/rollouts/desk';
  const act = (decision: string, more: Record<string, string> = { by: 'ada', why: 'INC-7' }) =>
    sent(visitor, page, `${page}/${decision}`, more);
  expect(await (await visitor.get(page)).text()).toContain('id="do-pause"');
  expect(await act('pause')).toContain('The rollout was paused. It is paused at 1%.');
  expect(await json(visitor, page)).toMatchObject({ status: 'paused', by: 'ada (token ada-laptop)' });
  const refused = await act('pause', { by: 'ada', why: 'half a <b>sentence' });
  expect(refused).toMatch(
    /role="alert">Nothing was done: the rollout .* is paused, so pause is not possible/,
  );
  // What was typed is not lost.
  expect(refused).toContain('value="half a &lt;b&gt;sentence"');
  expect(await act('resume', { by: 'ada' })).toMatch(/Nothing was done: .*why/);
  expect(await act('resume')).toContain('It is running at 1%.');
  expect(await act('step')).toContain('The gates were read. It is running at 1%.');
  expect(await act('promote')).toMatch(/Nothing was done: .*promote is not possible/);
  expect(await act('abort')).toContain('The rollout was ended. It is aborted at 0%.');
  expect(await (await visitor.get(page)).text()).not.toContain('id="do-');
  // What another process decides: the page replays only what is new, and comes to the same.
  const store = await openLedger(server.db);
  const states = new RolloutStates(store);
  const place = { feature: 'later', environment: 'production' };
  await loggedRollout(server.db, { ...DESK, ...place, ...ARMS });
  expect(await states.of(place)).toEqual(await knownRollout(store, place));
  expect(await json(visitor, '/rollouts/later')).toMatchObject({ looks: 2, status: 'running' });
  const said = { at: new Date().toISOString(), by: 'bob', why: 'night' };
  await writeEvent(store, place, await states.of(place), { kind: 'paused', ...said });
  expect(await states.of(place)).toEqual(await knownRollout(store, place));
  expect(await json(visitor, '/rollouts/later')).toMatchObject({ looks: 2, status: 'paused', by: 'bob' });
  await store.close();
  const { flags } = await json(visitor, '/flags');
  expect(flags).toMatchObject([{ key: 'ai.rollout.percent', value: 0, by: 'ada (token ada-laptop)' }]);
}, 60_000);

it('decisions come as JSON too, with a status that says why not', async () => {
  const { visitor, server } = await withRollout();
  const session = async () => (await json(visitor, '/session'))['csrf'] as string;
  const send = async (path: string, body: object): Promise<[number, Record<string, unknown>]> => {
    const answer = await visitor.json(path, { by: 'ada', why: 'INC-7', csrf: await session(), ...body });
    const said = (await answer.json()) as Record<string, unknown>;
    expectPublished(answer.status === 200 ? 'page-action' : 'api-error', said);
    return [answer.status, said];
  };
  expect((await send('/rollouts/desk/pause', {}))[1]).toMatchObject({ kind: 'rollout', status: 'paused' });
  expect(await send('/rollouts/desk/pause', {})).toMatchObject([409, { error: { code: 'ROLLOUT_STATE' } }]);
  expect(await send('/rollouts/none/abort', {})).toMatchObject([404, { error: { code: 'ROLLOUT_NONE' } }]);
  const [, set] = await send('/flags/set', { key: 'ai.tools.enabled', feature: 'desk', value: false });
  expect(set).toMatchObject({ kind: 'flag', value: false, type: 'boolean', by: 'ada (token ada-laptop)' });
  const stale = { key: 'ai.tools.enabled', feature: 'desk', value: true, seen: 0 };
  expect(await send('/flags/set', stale)).toMatchObject([409, { error: { code: 'SHIPPING_CHANGED' } }]);
  expect((await send('/guard/stop', { feature: 'desk' }))[1]).toMatchObject({ kind: 'stop', stopped: true });
  // What a gate decided is seen without a person.
  await loggedRollout(server.db, {
    ...{ ...DESK, ...ARMS, feature: 'search', looks: 8, failures: 12 },
  });
  const { rollouts } = await json(visitor, '/rollouts');
  expect(rollouts).toMatchObject([
    { feature: 'desk', status: 'paused' },
    { feature: 'search', status: 'rolled-back', percent: 0 },
  ]);
}, 60_000);

it('a flag is set for everybody or a part of the traffic, and what the command line refuses is refused', async () => {
  const server = await running();
  const visitor = new Visitor(server);
  const signed = { by: 'ada', why: 'first users', feature: 'desk' };
  const set = (fields: Record<string, string>) =>
    sent(visitor, '/flags', '/flags/set', { ...signed, ...fields });
  const flag = async (key: string) =>
    ((await json(visitor, '/flags'))['flags'] as { key: string; no: number }[]).find((f) => f.key === key);
  for (const [fields, why] of [
    [{ key: 'ai.tool.enabled', value: 'true' }, 'did you mean|cannot be set'],
    [{ key: 'ai.release', value: 'x' }, 'follows the registry|cannot be set'],
    [{ key: 'ai.action.mode', value: 'fast' }, 'expected one of auto, draft'],
    [{ key: 'ai.rollout.percent', value: '101' }, 'a number from 0 to 100'],
    [{ key: 'mine', value: 'true', percent: '120' }, 'expected a number from 0 to 100'],
    [{ key: 'mine', value: 'x', type: 'regex' }, 'expected one of boolean'],
    [{ key: 'mine', value: 'a', segment: 'beta' }, 'nothing says what all other requests get'],
    [{ key: 'mine', value: 'true', when: '(a+)+$ matches' }, 'is not a condition'],
    [{ key: 'mine', value: 'true', when: 'x>1\n'.repeat(19) }, 'conditions, expected at most 10'],
    [{ key: 'mine', value: 'true', by: '' }, 'who decided'],
    [{ key: 'mine', value: 'true', seen: 'x' }, 'seen must be'],
  ] as const) {
    const page = await set(fields);
    expect(page, JSON.stringify(fields)).toMatch(new RegExp(`role="alert">Nothing was done: [^<]*(${why})`));
    expect(await flag(fields.key), JSON.stringify(fields)).toBeUndefined();
  }
  expect(await set({ key: 'new-summary', value: 'true', percent: '5' })).toContain(
    'new-summary of desk is set',
  );
  const before = await flag('new-summary');
  expect(before).toMatchObject({ value: false, rules: [{ percent: 5, value: true }] });
  const served = async (): Promise<string[]> => {
    const inside: string[] = [];
    for (let i = 0; i < 60; i++) {
      const answer = await fetch(`${server.url}/ofrep/v1/evaluate/flags/new-summary`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ context: { targetingKey: `u${i}`, feature: 'desk' } }),
      });
      if (((await answer.json()) as { value: boolean }).value) inside.push(`u${i}`);
    }
    return inside;
  };
  const few = await served();
  // The form of the page itself: the percentage of the same rule, on what was seen.
  const page = await (await visitor.get('/flags')).text();
  expect(page).toContain(`<input type="hidden" name="seen" value="${before?.no}">`);
  await set({ key: 'new-summary', value: 'true', percent: '50%', seen: String(before?.no), when: '' });
  expect(await flag('new-summary')).toMatchObject({ rules: [{ percent: 50, value: true }] });
  const many = await served();
  expect(many.length).toBeGreaterThan(few.length);
  expect(few.filter((key) => !many.includes(key))).toEqual([]);
  expect(await set({ key: 'new-summary', value: 'false', seen: String(before?.no) })).toContain(
    'another person changed this meanwhile',
  );
  await set({ key: 'ai.action.mode', value: 'draft', segment: 'beta,internal', else: 'auto' });
  expect(await flag('ai.action.mode')).toMatchObject({
    value: 'auto',
    rules: [{ when: [{ property: 'segment', values: ['beta', 'internal'] }], value: 'draft' }],
  });
  const log = await openShippingLog(server.db);
  expect((await log.changes(0)).map(({ name, by, why }) => [name, by, why])).toEqual([
    ['new-summary', 'ada', 'first users'],
    ['new-summary', 'ada', 'first users'],
    ['ai.action.mode', 'ada', 'first users'],
  ]);
  await log.close();
}, 60_000);

it('the thread of rollouts passes on why a ledger cannot be read, and tries again', async () => {
  await using folder = await temporaryFolder();
  const db = join(folder.path, 'later.db');
  const thread = new RolloutsThread({
    ...{ db, project: folder.path, version: '0', webhook: undefined },
    // An option of the process, which Node refuses to give to a thread.
    variables: { NODE_OPTIONS: '--title=server' },
  });
  const list = { kind: 'list', environment: 'production' } as const;
  await expect(thread.ask(list)).rejects.toMatchObject({ code: 'LEDGER_MISSING', exitCode: 2 });
  await loggedRollout(db, { ...DESK, ...ARMS });
  expect(await thread.ask(list)).toMatchObject([{ feature: 'desk', looks: 2 }]);
  await thread.close();
  await expect(thread.ask({ ...list, environment: 'staging' })).resolves.toEqual([]);
  await thread.close();
}, 60_000);

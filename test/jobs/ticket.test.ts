// May a rollout start? From the command line, with what the ledger has shown.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import type { TicketReadiness } from '../../src/core/index.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import { checkTicket } from '../../src/jobs/ticket/check-ticket.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { BAD_PROMPT, GOOD_PROMPT, helpDesk, openaiRelease } from './help-desk.ts';

const MESSAGE = [{ role: 'user', content: '{{ question }}' }];
const EVERYBODY = 'the desk';
const TICKET = {
  feature: 'desk',
  workflow: 'Answers questions about orders',
  control: { release: '../releases/desk.yaml', approved: '2026-04-10' },
  candidate: { release: '../releases/brief.yaml' },
  suite: '../suite.yaml',
  stages: [{ percent: 10, for: '1h' }, { percent: 100 }],
  // biome-ignore lint/suspicious/noThenProperty: the ticket's own word
  gates: [{ signal: 'errors', over: '200 calls', above: '1%', then: 'rollback' }],
  'first-rollback': { restore: ['prompt'] },
  fallbacks: [{ name: 'people', 'use-when': 'always', 'not-when': 'at night' }],
  authority: {
    ...{ engineering: EVERYBODY, platform: EVERYBODY, product: EVERYBODY },
    ...{ risk: EVERYBODY, support: EVERYBODY, 'incident-commander': EVERYBODY },
  },
  messages: {
    ...{ unavailable: 'Not now.', 'review-mode': 'Later.', 'regeneration-off': 'Once.' },
    ...{ 'known-issue': 'We know.', corrected: 'Mended.' },
  },
};

function desk() {
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

const states = (r: TicketReadiness): string[] => r.checks.map((c) => c.state);

test('every condition is open until something shows it, and the printed commands close them', async () => {
  const d = await desk();
  await d.write('features/desk.yaml', TICKET);
  const before = await d.cli<TicketReadiness>('ticket', 'check', 'desk', '--json');
  expect(before.code).toBe(3);
  expect(before.json).toMatchObject({
    schemaVersion: 1,
    kind: 'ticket-check',
    feature: 'desk',
    ready: false,
  });
  expect(states(before.json)).toEqual(['met', 'met', 'unknown', 'unknown', 'unknown']);

  // What it says to do next is done, word for word.
  await d.bless(await d.run('desk'));
  const commands = [...new Set(before.json.checks.flatMap((c) => c.next ?? []))];
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const [name, ...words] = command.split(' ');
    expect(name).toBe('lastgood');
    expect((await d.cli(...words)).code).toBe(0);
  }
  const after = await d.cli('ticket', 'check', 'features/desk.yaml');
  expect(after.stdout).toContain('READY  the rollout of desk may start');
  expect(after.code).toBe(0);

  // A day later the target has to be shown again.
  const work = await openWorkplace({
    ...{
      db: join(d.dir, 'ledger.db'),
      root: d.dir,
      environment: { HOME: d.dir },
      progress: SILENT,
    },
    ...{ version: 'test', node: 'test', platform: 'test' },
    ...{ signal: new AbortController().signal, hardSignal: new AbortController().signal },
    clock: { now: () => new Date(Date.now() + 25 * 3_600_000) },
    rng: new Mt19937(1),
  });
  onTestFinished(() => work.store.close());
  expect(states(await checkTicket(work, 'desk', d.dir))).toEqual(['met', 'met', 'met', 'missing', 'met']);
});

test('a candidate that was found worse, parts left out, and the control as candidate are not ready', async () => {
  const d = await desk();
  await d.write('features/desk.yaml', {
    ...TICKET,
    workflow: undefined,
    candidate: { release: '../releases/generous.yaml' },
  });
  const compared = await d.cli(
    ...['compare', 'suite.yaml', '--baseline-release', 'releases/desk.yaml'],
    ...['--release', 'releases/generous.yaml'],
  );
  expect(compared.code).toBe(1);
  const worse = await d.cli<TicketReadiness>('ticket', 'check', 'desk', '--json');
  expect(worse.code).toBe(3);
  expect(worse.json.checks[0]).toMatchObject({ state: 'missing', detail: 'not filled in: workflow' });
  expect(worse.json.checks[2]).toMatchObject({ state: 'missing' });
  expect(worse.json.checks[2]?.detail).toContain('regressed');

  await d.write('features/same.yaml', { ...TICKET, candidate: TICKET.control });
  expect((await d.cli('ticket', 'check', 'same')).code).toBe(2);
  await d.write('features/same.yaml', { ...TICKET, candidate: { release: TICKET.control.release } });
  const same = await d.cli<TicketReadiness>('ticket', 'check', 'same', '--json');
  expect(same.json.checks[1]).toMatchObject({ state: 'missing' });
});

test('a ticket that does not exist, or names files that do not, is wrong input', async () => {
  const d = await desk();
  await d.write('features/desk.yaml', { ...TICKET, suite: '../nowhere' });
  const typo = await d.cli('ticket', 'check', 'dask');
  expect(typo.code).toBe(2);
  expect(typo.stderr).toContain('did you mean "desk"?');
  const nowhere = await d.cli('ticket', 'check', 'desk');
  expect(nowhere.code).toBe(2);
  expect(nowhere.stderr).toContain('SUITE_NOT_FOUND');
});

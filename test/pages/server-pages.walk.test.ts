// People at the pages of the server, in a real browser: changes while one looks, and a night shift with the keyboard alone.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { knownRollout, writeEvent } from '../../src/jobs/rollout/rollout-log.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { type PagesWorld, pagesWorld } from '../server/pages-world.ts';
import { running } from '../server/running.ts';
import { CHROMIUM, launchChromium } from './chromium.ts';
import { visit } from './server-visit.ts';

/** One more look of a step at the rollout, as another process writes it. */
async function look(db: string): Promise<void> {
  const store = await openLedger(db);
  const place = { feature: 'refunds', environment: 'production' };
  const state = await knownRollout(store, place);
  const none = { n: 0, hits: 0, sum: 0 };
  await writeEvent(store, place, state, {
    ...{ kind: 'looked', at: new Date().toISOString(), by: 'cron', calls: { candidate: 1, control: 9 } },
    gates: state.gates.map(() => ({ candidate: none, control: none, segment: null })),
  });
  await store.close();
}

describe.skipIf(CHROMIUM === null)('people at the pages of the server', () => {
  let browser: Browser;
  let folder: string;
  let world: PagesWorld;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lastgood-pages-'));
    world = await pagesWorld(folder);
    browser = await launchChromium();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('changes arrive by themselves, and never take away what a person types', async () => {
    const server = await running({ db: world.db });
    await using open = await visit(browser, server);
    const { page, noises } = open;
    await page.goto('/guard');
    // What another process does, as the command line would.
    const stop = async (agent: string, stopped: boolean): Promise<void> => {
      const log = await openShippingLog(world.db);
      await log.append({
        ...{
          kind: 'stop',
          feature: 'refunds',
          environment: 'production',
          name: agent,
          by: 'bob',
          why: 'loops',
        },
        ...{ at: new Date().toISOString(), body: { stopped } },
      });
      await log.close();
    };
    await stop('agent-one', true);
    await page.locator('section.card', { hasText: 'agent-one' }).waitFor();
    await page.locator('#why-stop').fill('half a sen');
    await stop('agent-two', true);
    await page.locator('#news:not([hidden])').waitFor();
    expect(await page.locator('#why-stop').inputValue()).toBe('half a sen');
    expect(await page.locator('section.card', { hasText: 'agent-two' }).count()).toBe(0);
    await page.locator('#reload').click();
    await page.locator('section.card', { hasText: 'agent-two' }).waitFor();
    // An action of an agent is no change of the log of shipping.
    await fetch(`${server.url}/v1/guard/desk/act`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ action: 'refund', key: 'order-77' }),
    });
    await page.locator('#log ~ .scroll', { hasText: 'order-77' }).waitFor();
    await stop('agent-one', false);
    await stop('agent-two', false);
    await expect.poll(() => page.locator('section.card', { hasText: /agent-(one|two)/ }).count()).toBe(0);

    // A step of a rollout, which changes no flag.
    await page.goto('/rollouts/refunds');
    const before = (await page.locator('main').textContent()) ?? '';
    expect(before).toContain('Gates were read 6 times');
    await look(world.db);
    await page.getByText('Gates were read 7 times').waitFor();
    expect(noises).toEqual([]);
  }, 120_000);

  // Last: from here on the ledger has a token.
  test('by keyboard alone: sign in, stop, start, grant and sign out', async () => {
    const server = await running({ db: world.db });
    const token = await server.token('night-shift', 'operate');
    await using open = await visit(browser, server);
    const { page, noises } = open;
    const { keyboard } = page;
    /** Tabs on until the element has the focus, and fails where it never gets it. */
    const tabTo = async (selector: string): Promise<void> => {
      for (let i = 0; i < 80; i++) {
        if (await page.locator(`${selector}:focus`).count()) return;
        await keyboard.press('Tab');
      }
      throw new Error(`${selector} cannot be reached by keyboard`);
    };
    await page.goto('/guard');
    await expect.poll(() => new URL(page.url()).pathname).toBe('/sign-in');
    await tabTo('#token');
    await keyboard.type(token);
    await keyboard.press('Enter');
    await page.waitForURL('**/guard');
    expect(page.url()).not.toContain(token);
    // The skip link comes first.
    await keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');

    const stopped = page.locator('section.card:has(.state.bad)');
    const before = await stopped.count();
    await tabTo('#stop-feature');
    await keyboard.type('refunds');
    await tabTo('#by-stop');
    await keyboard.type('ada');
    await tabTo('#why-stop');
    await keyboard.type('INC-7 <b>loops</b>');
    await tabTo('#stop');
    await keyboard.press('Enter');
    await page.waitForURL('**/guard?said=*');
    expect(await page.locator('[role=status].banner:not([hidden])').textContent()).toBe(
      'refunds is stopped.',
    );
    expect(await stopped.count()).toBe(before + 1);
    expect(await page.locator('section.card', { hasText: 'INC-7 <b>loops</b>' }).textContent()).toContain(
      'ada (token night-shift)',
    );
    // The name is kept for the next decision.
    const last = `start-${before}`;
    expect(await page.locator(`#by-${last}`).inputValue()).toBe('ada');
    await tabTo(`#why-${last}`);
    await keyboard.type('prompt restored');
    await keyboard.press('Enter');
    await expect.poll(() => stopped.count()).toBe(before);

    await tabTo('#why-a_0');
    await keyboard.type('customer called');
    await tabTo('#grant-a_0');
    await keyboard.press('Space');
    await expect.poll(() => page.locator('#why-a_0').count()).toBe(0);
    expect(await page.locator('[role=status].banner:not([hidden])').textContent()).toContain('Granted:');
    // Enter in a field of a form with several buttons presses none of them.
    await page.goto('/rollouts/refunds');
    await tabTo('#why-decide');
    await keyboard.type('INC-7');
    await keyboard.press('Enter');
    expect(await page.locator('.state').first().textContent()).toBe('running');
    expect(page.url()).not.toContain('said');
    await tabTo('#do-pause');
    await keyboard.press('Enter');
    await page.waitForURL('**/rollouts/refunds?said=*');
    expect(await page.locator('.state').first().textContent()).toBe('paused');
    expect(await page.locator('[role=alert]').count()).toBe(0);
    expect(await page.getByText('paused: INC-7').count()).toBe(1);
    await tabTo('#why-decide');
    await keyboard.type('it was the network');
    await tabTo('#do-resume');
    await keyboard.press('Space');
    await expect.poll(() => page.locator('.state').first().textContent()).toBe('running');
    expect(await page.locator('#log ~ .scroll').textContent()).toContain('ada (token night-shift)');

    const log = await openShippingLog(world.db);
    const rule = { when: [], percent: 5, value: true };
    const { no: id } = await log.append({
      ...{ kind: 'flag', feature: 'refunds', environment: 'production', name: 'new-summary', by: 'bob' },
      ...{ at: new Date().toISOString(), why: 'first users' },
      body: { type: 'boolean', value: false, rules: [rule] },
    });
    await log.close();
    await page.goto('/flags?feature=refunds');
    await tabTo(`#change-${id} summary`);
    await keyboard.press('Enter');
    await tabTo(`#percent-share-${id}-0`);
    await keyboard.press('Control+A');
    await keyboard.type('35');
    await tabTo(`#why-share-${id}-0`);
    await keyboard.type('no complaints');
    await keyboard.press('Enter');
    await page.waitForURL('**/flags?said=*');
    expect(await page.locator('[role=alert]').count()).toBe(0);
    expect(await page.locator('section.card', { hasText: 'new-summary' }).textContent()).toContain('35%');
    await tabTo('#new-flag summary');
    await keyboard.press('Enter');
    for (const [field, text] of [
      ['key', 'ai.tool.enabled'],
      ['value', 'false'],
    ] as const) {
      await tabTo(`#new-${field}`);
      await keyboard.type(text);
    }
    await tabTo('#why-new');
    await keyboard.type('tools misbehave');
    await tabTo('#set-new');
    await keyboard.press('Enter');
    await page.locator('[role=alert]').waitFor();
    // What was typed is still there, and the mistake can be put right.
    expect(await page.locator('#why-new').inputValue()).toBe('tools misbehave');
    await tabTo('#new-key');
    await keyboard.press('Control+A');
    await keyboard.type('ai.tools.enabled');
    await tabTo('#set-new');
    await keyboard.press('Enter');
    await page.locator('section.card', { hasText: 'ai.tools.enabled' }).first().waitFor();

    // Whatever has the focus shows it.
    for (const path of [
      '/',
      '/rollouts/refunds',
      '/flags',
      '/guard',
      '/registry',
      '/snapshots',
      '/compare',
    ]) {
      await page.goto(path);
      for (let i = 0; i < 25; i++) {
        await keyboard.press('Tab');
        const ring = await page.evaluate(
          "document.activeElement === document.body ? 'solid' : getComputedStyle(document.activeElement).outlineStyle",
        );
        expect(ring, `${path} after ${i + 1} tabs`).not.toBe('none');
      }
    }
    await page.goto('/guard');
    await tabTo('header .who a');
    await keyboard.press('Enter');
    await page.waitForURL('**/sign-in');
    await tabTo('main button');
    await keyboard.press('Enter');
    await page.locator('#token').waitFor();
    expect(noises).toEqual([]);
  }, 120_000);
});

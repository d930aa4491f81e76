// The pages of the server in a real browser: hostile texts, phone, dark, contrast, keyboard, and changes while one looks.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { HOSTILE } from '../report/hostile.ts';
import { type PagesWorld, pagesWorld } from '../server/pages-world.ts';
import { type Running, running } from '../server/running.ts';
import { CHROMIUM, launchChromium } from './chromium.ts';
import { CONTRAST_PROBE } from './contrast.ts';

interface Visit {
  readonly page: Page;
  /** Dialogs, console lines, errors, violations of the policy, and requests to anywhere but the server. */
  readonly noises: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

async function visit(browser: Browser, server: Running, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ baseURL: server.url, ...options });
  const page = await context.newPage();
  const noises: string[] = [];
  page.on('request', (r) => {
    if (!r.url().startsWith(`${server.url}/`)) noises.push(`request ${r.url().slice(0, 200)}`);
  });
  page.on('dialog', (d) => {
    noises.push(`dialog ${d.message()}`);
    void d.dismiss();
  });
  page.on('console', (m) => noises.push(`console ${m.text()}`));
  page.on('pageerror', (e) => noises.push(`error ${e.message}`));
  page.on('popup', () => noises.push('popup'));
  // Violations reach the console too; this says which directive it was.
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.log('violation ' + e.violatedDirective + ' ' + e.blockedURI))",
  );
  return { page, noises, [Symbol.asyncDispose]: () => context.close() };
}

describe.skipIf(CHROMIUM === null)('the pages of the server in Chromium', () => {
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
  const paths = (): string[] => [
    '/',
    '/guard',
    '/registry',
    '/snapshots',
    '/compare',
    '/features/refunds',
    `/features/${encodeURIComponent(HOSTILE[0])}`,
    `/compare?a=${world.good}&b=${world.bad}`,
    `/snapshots/${world.bad}`,
  ];

  test('hostile texts stay texts on every page', async () => {
    const server = await running({ db: world.db });
    await using open = await visit(browser, server);
    const { page, noises } = open;
    for (const path of paths()) {
      const answer = await page.goto(path);
      expect(answer?.status(), path).toBe(200);
      expect(
        await page.locator('main :is(script, iframe, img, object, link, base, meta, style)').count(),
        path,
      ).toBe(0);
      expect(await page.locator('main :is([onload], [onerror], [onmouseover], [style])').count(), path).toBe(
        0,
      );
      const targets = await page
        .locator('main [href], main [action]')
        .evaluateAll((all) => all.map((e) => e.getAttribute('href') ?? e.getAttribute('action') ?? ''));
      expect(
        targets.filter((t) => !/^(\/(?!\/)|#)/.test(t)),
        path,
      ).toEqual([]);
      const text = (await page.textContent('main')) ?? '';
      expect(text, path).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u0000\u001b\u0007]/);
      if (!/^\/(snapshots|compare)/.test(path)) expect(text, path).toContain('<script>alert("');
    }
    expect(await page.locator('#case-details, [id="live"]').count()).toBeGreaterThan(0);
    expect(noises).toEqual([]);
  }, 40_000);

  test('a phone in the dark: nothing runs over, every text can be read', async () => {
    const server = await running({ db: world.db });
    for (const options of [
      { viewport: { width: 360, height: 780 }, colorScheme: 'dark' as const, hasTouch: true },
      { viewport: { width: 1280, height: 900 }, colorScheme: 'light' as const },
    ]) {
      await using open = await visit(browser, server, options);
      for (const path of [...paths().slice(0, 7), '/sign-in']) {
        await open.page.goto(path);
        expect(
          await open.page.evaluate('document.documentElement.scrollWidth - innerWidth'),
          `${path} ${options.colorScheme}`,
        ).toBeLessThanOrEqual(0);
        expect(await open.page.evaluate(CONTRAST_PROBE), `${path} ${options.colorScheme}`).toEqual([]);
      }
      expect(open.noises).toEqual([]);
    }
  }, 40_000);

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
    expect(noises).toEqual([]);
  }, 40_000);

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
    await tabTo('header .who a');
    await keyboard.press('Enter');
    await page.waitForURL('**/sign-in');
    await tabTo('main button');
    await keyboard.press('Enter');
    await page.locator('#token').waitFor();
    expect(noises).toEqual([]);
  }, 40_000);
});

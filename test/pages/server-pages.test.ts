// The pages of the server in a real browser: hostile texts, phone, dark, contrast and names of fields.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOSTILE } from '../report/hostile.ts';
import { type PagesWorld, pagesWorld } from '../server/pages-world.ts';
import { running } from '../server/running.ts';
import { CHROMIUM, launchChromium } from './chromium.ts';
import { CONTRAST_PROBE } from './contrast.ts';
import { visit } from './server-visit.ts';

/** Fields, buttons and links without a name, ids that stand twice, tables without headers; runs in the page. */
const NAMELESS = `(() => {
  const named = (e) => (e.labels?.length ?? 0) > 0 || e.ariaLabel || e.textContent.trim() !== '';
  const nameless = [...document.querySelectorAll('input:not([type=hidden], [hidden]), select, textarea, button:not([hidden]), a, summary')].filter((e) => !named(e));
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  const tables = [...document.querySelectorAll('table:not(:has(th[scope]))')];
  return [...nameless.map((e) => e.outerHTML.slice(0, 100)), ...twice, ...tables.map(() => 'table')];
})()`;

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
    '/rollouts',
    '/rollouts/refunds',
    '/flags',
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
  }, 90_000);

  test('a phone in the dark: nothing runs over, every text can be read', async () => {
    const server = await running({ db: world.db });
    for (const options of [
      { viewport: { width: 360, height: 780 }, colorScheme: 'dark' as const, hasTouch: true },
      { viewport: { width: 1280, height: 900 }, colorScheme: 'light' as const },
    ]) {
      await using open = await visit(browser, server, options);
      for (const path of [...paths().slice(0, -2), '/sign-in']) {
        await open.page.goto(path);
        expect(
          await open.page.evaluate('document.documentElement.scrollWidth - innerWidth'),
          `${path} ${options.colorScheme}`,
        ).toBeLessThanOrEqual(0);
        expect(await open.page.evaluate(CONTRAST_PROBE), `${path} ${options.colorScheme}`).toEqual([]);
        expect(await open.page.evaluate(NAMELESS), path).toEqual([]);
      }
      expect(open.noises).toEqual([]);
    }
  }, 90_000);
});

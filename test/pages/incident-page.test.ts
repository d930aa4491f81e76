// The post-mortem page in a real browser, over answers that try to break out of it.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeIncident } from '../../src/jobs/incident/incident.ts';
import { incidentHtml } from '../../src/report/index.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { incidentWorld } from '../jobs/incident-world.ts';
import { HOSTILE } from '../report/hostile.ts';
import { CHROMIUM, launchChromium, openPage } from './chromium.ts';

describe.skipIf(CHROMIUM === null)('the post-mortem in Chromium', () => {
  let browser: Browser;
  let html: string;
  beforeAll(async () => {
    await using folder = await temporaryFolder();
    const world = await incidentWorld(folder.path, HOSTILE.slice(0, 13).join('\n'));
    try {
      const report = await writeIncident(world.work, {
        good: world.nights[5]?.id ?? '',
        bad: world.nights[9]?.id ?? '',
        given: {
          entries: HOSTILE.map((text) => ({
            at: '2026-03-07T00:00:00.000Z',
            kind: text,
            text,
            source: 'file' as const,
            ref: text,
          })),
          cases: [],
        },
      });
      html = incidentHtml(report, {
        history: {
          points: world.nights.map((n) => ({ at: n.startedAt, value: n.passRate, label: n.id })),
          marks: [{ at: world.at(8), text: HOSTILE[0] }],
        },
      });
    } finally {
      await world.store.close();
    }
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  test('runs nothing, asks for nothing, and reads from the summary down', async () => {
    await using open = await openPage(browser, html);
    const { page } = open;
    expect(await page.locator('h1').textContent()).toContain('Post-mortem: refund-bot');
    expect(await page.locator('h2').first().textContent()).toBe('Summary');
    expect(
      await page
        .locator('main :is(script, iframe, img, object, form, link, base, meta, style, button)')
        .count(),
    ).toBe(0);
    expect(await page.locator('main :is([onload], [onerror], [onmouseover], [href])').count()).toBe(0);
    expect(await page.textContent('main')).toContain('<script>alert("script")</script>');
    expect(open.noises).toEqual([]);
  });

  test('fits a phone, in words for those who cannot see the plots', async () => {
    await using open = await openPage(browser, html, {
      viewport: { width: 400, height: 800 },
      colorScheme: 'dark',
    });
    const { page } = open;
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await page.locator('svg[role="img"][aria-label]').count()).toBe(2);
    expect(await page.locator('table:not(:has(th[scope]))').count()).toBe(0);
  });
});

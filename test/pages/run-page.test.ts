// The page of one snapshot in a real browser.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SnapshotResults } from '../../src/core/index.ts';
import { runCaseView, runPageCases, snapshotHtmlPieces } from '../../src/report/index.ts';
import { HOSTILE } from '../report/hostile.ts';
import { type RefundCase, refundComparison, refundResults } from '../report/refund-bot.ts';
import { CHROMIUM, launchChromium, openPage } from './chromium.ts';

let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM !== null) browser = await launchChromium();
});
afterAll(() => browser?.close());

/** 30 cases: 4 fail, 2 pass sometimes, 24 pass; what a model wrote is hostile where it fails. */
const CASES: RefundCase[] = Array.from({ length: 30 }, (_, i) => {
  const good = { text: 'We will refund you today.', pass: true };
  const bad = { text: HOSTILE[i % HOSTILE.length] ?? '', pass: false };
  return {
    id: `refund-${String(i).padStart(2, '0')}`,
    tags: [i % 2 === 0 ? 'angry' : 'calm'],
    before: [good],
    after: i < 4 ? [bad, bad, bad] : i < 6 ? [good, bad, good] : [good, good, good],
  };
});

function page(results: SnapshotResults): string {
  const { details } = refundComparison(CASES);
  const views = new Map(
    runPageCases(results).map((c) => {
      const content = {
        vars: { ticket: `${HOSTILE[0]} ticket of ${c.id}` },
        messages: null,
        expected: 'refund',
      };
      return [c.id, runCaseView(content, details.get(c.id)?.candidate ?? [])] as const;
    }),
  );
  return [...snapshotHtmlPieces(results, { views })].join('');
}

describe.skipIf(CHROMIUM === null)('the page of one snapshot', () => {
  const html = page(refundResults(CASES, 'candidate'));

  test('shows what does not pass first, and opens a case with its input and every answer', async () => {
    await using open = await openPage(browser, html, { hash: '#case=refund-02' });
    expect(await open.page.textContent('#shown')).toBe('6 of 30 cases');
    expect(await open.page.locator('#rows tr').first().textContent()).toContain('refund-00');
    const opened = open.page.locator('#rows tr.more');
    expect(await opened.textContent()).toContain('ticket of refund-02');
    expect(await opened.locator('pre').count()).toBe(2 + 3);
    await open.page.selectOption('#f-verdict', 'pass');
    expect(await open.page.textContent('#shown')).toBe('24 of 30 cases');
    await open.page.click('text=calm >> nth=0');
    expect(open.noises).toEqual([]);
  });

  test('is not wider than a phone', async () => {
    await using open = await openPage(browser, html, { viewport: { width: 390, height: 800 } });
    expect(await open.page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });

  test('shows all cases where every one passes', async () => {
    const passing = CASES.map((c) => ({ ...c, after: c.before }));
    await using open = await openPage(browser, page(refundResults(passing, 'candidate')));
    expect(await open.page.textContent('#shown')).toBe('30 of 30 cases');
  });
});

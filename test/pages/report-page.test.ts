// The HTML report in a real browser: nothing a model wrote comes to life, nothing is fetched, and people can use it.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { comparisonHtml } from '../../src/report/index.ts';
import { HOSTILE } from '../report/hostile.ts';
import { type RefundCase, refundComparison } from '../report/refund-bot.ts';
import { CHROMIUM, launchChromium, openPage } from './chromium.ts';

const good = { text: 'We will refund you today.', pass: true };
const bad = { text: 'We will not pay you today.', pass: false };

/** 12 cases fail now, 3 pass now, 25 stay. */
const CASES: RefundCase[] = Array.from({ length: 40 }, (_, i) => ({
  id: `refund-${String(i).padStart(2, '0')}`,
  tags: i % 2 === 0 ? ['refund', 'angry'] : ['refund', 'calm'],
  critical: i === 0,
  before: i >= 12 && i < 15 ? [bad, bad, bad] : [good, good, good],
  after: i < 12 ? [bad, bad, bad] : [good, good, good],
}));

/** Contrast of every text colour on both grounds, by the formula of WCAG 2.2 (relative luminance); runs in the page. */
const CONTRASTS = `(() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const full = hex.length === 3 ? [...hex].map((c) => c + c).join('') : hex;
    const c = [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255);
    const [r, g, b] = c.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return ['--fg', '--dim', '--bad', '--good', '--warn', '--accent'].flatMap((fg) =>
    ['--bg', '--card'].map((bg) => {
      const [a, b] = [light(fg), light(bg)];
      return [fg, bg, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    }),
  );
})()`;

let browser: Browser;
beforeAll(async () => {
  if (CHROMIUM !== null) browser = await launchChromium();
});
afterAll(() => browser?.close());

describe.skipIf(CHROMIUM === null)('the report in Chromium', () => {
  const world = refundComparison(CASES);
  const html = comparisonHtml(world.comparison, {
    details: world.details,
    next: 'lastgood rollback refund-bot',
  });

  test('shows what changed first, and everything on request', async () => {
    await using open = await openPage(browser, html);
    const { page } = open;
    expect(await page.textContent('#shown')).toBe('15 of 40 cases');
    expect(await page.locator('#rows tr').first().textContent()).toContain('refund-00');
    await page.selectOption('#f-show', 'all');
    expect(await page.textContent('#shown')).toBe('40 of 40 cases');
    expect(open.noises).toEqual([]);
  });

  test('filters by verdict, tag, failing grader and text, and keeps them in the address', async () => {
    await using open = await openPage(browser, html);
    const { page } = open;
    await page.selectOption('#f-tag', 'angry');
    await page.selectOption('#f-verdict', 'regressed');
    expect(await page.textContent('#shown')).toBe('6 of 40 cases');
    await page.fill('#f-q', 'refund-02');
    expect(await page.textContent('#shown')).toBe('1 of 40 cases');
    const hash = new URL(page.url()).hash;
    expect(Object.fromEntries(new URLSearchParams(hash.slice(1)))).toEqual({
      verdict: 'regressed',
      tag: 'angry',
      q: 'refund-02',
    });
    await using again = await openPage(browser, html, { hash });
    expect(await again.page.textContent('#shown')).toBe('1 of 40 cases');
    expect(await again.page.inputValue('#f-tag')).toBe('angry');
    await again.page.click('#reset');
    await again.page.selectOption('#f-check', 'contains');
    expect(await again.page.textContent('#shown')).toBe('12 of 40 cases');
    expect([...open.noises, ...again.noises]).toEqual([]);
  });

  test('a link to a case opens it, with the differing words marked and every vote', async () => {
    await using open = await openPage(browser, html, { hash: '#case=refund-03' });
    const detail = open.page.locator('#rows tr.more');
    expect(await detail.count()).toBe(1);
    expect(await detail.locator('.pair del').allTextContents()).toContain('refund');
    expect((await detail.locator('.pair ins').allTextContents()).join(' ')).toContain('not');
    const text = await detail.textContent();
    expect(text).toContain('Every trial, grade and reason (3 before, 3 after)');
    expect(text).toContain('vote 1:');
    expect(text).toContain('judge_error the reply was no JSON');
    expect(open.noises).toEqual([]);
  });

  test('a link to an unchanged case shows it, though unchanged cases are hidden', async () => {
    await using open = await openPage(browser, html, { hash: '#case=refund-39' });
    expect(await open.page.locator('#rows tr.more').count()).toBe(1);
  });

  test('works with the keyboard alone', async () => {
    await using open = await openPage(browser, html);
    const { page } = open;
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    const focused = () => page.evaluate('document.activeElement.dataset.id');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    expect(await focused()).toBe('refund-01');
    await page.keyboard.press('Enter');
    expect(await page.getAttribute('button[data-id="refund-01"]', 'aria-expanded')).toBe('true');
    expect(await page.locator('#rows tr.more').count()).toBe(1);
    await page.keyboard.press('k');
    expect(await focused()).toBe('refund-00');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
    await page.keyboard.press('/');
    await page.keyboard.type('refund-05');
    expect(await page.textContent('#shown')).toBe('1 of 40 cases');
    expect(open.noises).toEqual([]);
  });

  test('without script it still says verdict, gate and the worst cases', async () => {
    await using open = await openPage(browser, html, { javaScriptEnabled: false });
    const text = (await open.page.textContent('main')) ?? '';
    expect(text).toContain('regressed');
    expect(text).toContain('Gate: fail');
    expect(text).toContain('We will not pay you today.');
    expect(await open.page.locator('#rows tr').count()).toBe(15);
    expect(await open.page.locator('#filters').isHidden()).toBe(true);
  });

  test.each(['light', 'dark'] as const)(
    'text stands out from its ground (%s, WCAG AA)',
    async (colorScheme) => {
      await using open = await openPage(browser, html, { colorScheme });
      const ratios = (await open.page.evaluate(CONTRASTS)) as [string, string, number][];
      expect(ratios).toHaveLength(12);
      expect(ratios.filter(([, , r]) => !(r >= 4.5))).toEqual([]);
    },
  );

  test('every table has headers, every plot says its content in words, and nothing is wider than a phone', async () => {
    await using open = await openPage(browser, html, { viewport: { width: 400, height: 800 } });
    const { page } = open;
    expect(await page.locator('table:not(:has(th[scope]))').count()).toBe(0);
    expect(await page.locator('svg:not([aria-hidden]):not([role="img"][aria-label])').count()).toBe(0);
    expect(await page.locator('html[lang] main h1').count()).toBe(1);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });

  test('prints every changed case and opens what is folded', async () => {
    await using open = await openPage(browser, html);
    await open.page.emulateMedia({ media: 'print' });
    const pdf = await open.page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(await open.page.locator('details:not([open])').count()).toBe(0);
    expect(await open.page.locator('#filters').isVisible()).toBe(false);
  });
});

describe.skipIf(CHROMIUM === null)('what a model wrote', () => {
  test('never comes to life: no script, no dialog, no request, opened case by case', async () => {
    const cases = HOSTILE.map(
      (text, i): RefundCase => ({
        id: `${text} ${i}`,
        tags: [text],
        before: [{ text: `before ${text}`, pass: true }],
        after: [{ text: `after ${text} ${text}`, pass: false }],
      }),
    );
    const { comparison, details } = refundComparison(cases, { suite: HOSTILE[1], reason: HOSTILE[2] });
    await using open = await openPage(
      browser,
      comparisonHtml(comparison, {
        details,
        banner: HOSTILE[0],
        leftOut: HOSTILE[2],
        next: HOSTILE[3],
        history: {
          points: [
            { at: '2026-03-01T00:00:00Z', value: 1, label: HOSTILE[1], role: HOSTILE[2] },
            { at: '2026-03-02T00:00:00Z', value: 0.5, label: HOSTILE[1] },
          ],
          marks: [{ at: '2026-03-02T00:00:00Z', text: HOSTILE[1] }],
        },
        configuration: [{ layer: 'prompt', state: 'changed', lines: [`- ${HOSTILE[0]}`, `+ ${HOSTILE[1]}`] }],
      }),
    );
    const { page } = open;
    const buttons = page.locator('#rows button[data-id]');
    expect(await buttons.count()).toBe(HOSTILE.length);
    for (let i = 0; i < HOSTILE.length; i++) await buttons.nth(i).click();
    expect(await page.locator('#rows tr.more').count()).toBe(HOSTILE.length);
    await page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
    await page.mouse.move(200, 400);
    expect(
      await page
        .locator('main :is(script, iframe, img, object, form:not(#filters), link, base, meta, style)')
        .count(),
    ).toBe(0);
    expect(
      await page.locator('main :is([onload], [onerror], [onmouseover], [href]:not([href^="#"]))').count(),
    ).toBe(0);
    expect((await page.locator('#rows tr.more').first().textContent())?.length).toBeGreaterThan(100);
    expect(open.noises).toEqual([]);
  });

  test('and a script that did get in would not run: the policy lets only ours', async () => {
    const { comparison } = refundComparison([{ id: 'refund-01', before: [good], after: [bad] }]);
    const html = comparisonHtml(comparison).replace(
      '</h1>',
      '</h1><script>document.title = "broken out"</script><img src="https://example.invalid/x.png"><p id="styled" style="color: red">x</p>',
    );
    await using open = await openPage(browser, html);
    expect(await open.page.title()).toBe('refund-bot: inconclusive');
    expect(open.noises).toContain('blocked https://example.invalid/x.png csp');
    expect(open.noises.some((n) => n.includes('Content Security Policy'))).toBe(true);
  });

  test('5,000 cases with three trials a side: only the rows in view are made', async () => {
    const many = Array.from(
      { length: 5000 },
      (_, i): RefundCase => ({
        id: `ticket-${String(i).padStart(4, '0')}`,
        tags: [`topic-${i % 20}`],
        before: [good, good, good],
        after: i % 5 === 0 ? [bad, bad, bad] : [good, good, good],
      }),
    );
    const { comparison, details } = refundComparison(many);
    await using open = await openPage(browser, comparisonHtml(comparison, { details }));
    const { page } = open;
    expect(await page.textContent('#shown')).toBe('1,000 of 5,000 cases');
    expect(await page.locator('#rows tr').count()).toBeLessThan(400);
    const ready = Number(await page.getAttribute('html', 'data-ready'));
    console.log(`5,000 cases: the table was ready ${ready} ms after navigation`);
    await page.selectOption('#f-show', 'all');
    await page.fill('#f-q', 'ticket-4999');
    expect(await page.textContent('#shown')).toBe('1 of 5,000 cases');
    expect(open.noises).toEqual([]);
  });
});

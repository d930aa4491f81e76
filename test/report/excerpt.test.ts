// Excerpts are cut around what differs, and the input of a case stands beside its answers in every report.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Comparison } from '../../src/core/index.ts';
import {
  caseText,
  comparisonHtml,
  comparisonJunit,
  comparisonMarkdown,
  comparisonText,
  terminalLine,
} from '../../src/report/index.ts';
import { contentLines, expectedText, inputLine, inputText } from '../../src/report/parts/case-content.ts';
import { differingBlocks, differingLines } from '../../src/report/parts/excerpt.ts';
import { refundComparison } from './refund-bot.ts';

const SHARED = 'Dear customer, thank you for your patience with the kettle. '.repeat(60);

describe('an excerpt', () => {
  test('shows a difference that stands behind thousands of equal characters', () => {
    const [before, after] = differingLines(`${SHARED}You get 40 euros.`, `${SHARED}You get nothing.`, 160);
    expect(before).toMatch(/^…\S.*You get 40 euros\.$/);
    expect(after).toMatch(/^…\S.*You get nothing\.$/);
    const blocks = differingBlocks(`${SHARED}You get 40 euros.\n${SHARED}`, `${SHARED}No.\n${SHARED}`, 400);
    expect(blocks[0]).toMatch(/^… [\d,]+ characters before this, the same on both sides\n/);
    expect(blocks[0]).toContain('You get 40 euros.');
    expect(blocks[1]).toContain('No.');
    expect(blocks[1]).toMatch(/\n… [\d,]+ more characters$/);
  });

  test('shows the end where one answer was cut off', () => {
    const [before, after] = differingLines(`${SHARED}You get 40 euros.`, `${SHARED}You get`, 160);
    expect(before).toMatch(/40 euros\.$/);
    expect(after).toMatch(/You get$/);
  });

  test('of two texts that fit, or have nothing in common, begins at the beginning', () => {
    expect(differingLines('short', 'other', 160)).toEqual(['short', 'other']);
    const [before, after] = differingLines(`Yes. ${SHARED}`, `No. ${SHARED}`, 100);
    expect(before).toMatch(/^Yes\. Dear/);
    expect(after).toMatch(/^No\. Dear/);
    expect(differingLines(SHARED, SHARED, 100)[0]).toMatch(/^Dear customer/);
  });

  test('never exceeds its room, splits no character, and shows the first difference', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '😀', 'é'), maxLength: 300 });
    void fc.assert(
      fc.property(text, text, text, fc.integer({ min: 30, max: 120 }), (shared, a, b, max) => {
        const [before, after] = differingLines(shared + a, shared + b, max);
        for (const line of [before, after]) {
          expect(line.length).toBeLessThanOrEqual(max);
          expect(line.isWellFormed()).toBe(true);
        }
        const whole = (tail: string): string => terminalLine(shared + tail, Number.POSITIVE_INFINITY);
        expect(before === after).toBe(whole(a) === whole(b));
      }),
    );
  });
});

describe('what a case asks', () => {
  const vars = { document: SHARED, question: 'May I send it back?' };

  test('fits a line without a long variable hiding a short one', () => {
    const line = inputLine({ vars, messages: null, expected: undefined }, 160);
    expect(line.length).toBeLessThanOrEqual(160);
    expect(line).toContain('question: May I send it back?');
    expect(line).toContain('document: Dear customer');
    const text = inputText({ vars, messages: null, expected: undefined }, 400);
    expect(text).toContain('more characters\nquestion: May I send it back?');
    expect(inputLine({ vars: { q: 'hi' }, messages: null, expected: undefined }, 160)).toBe('hi');
  });

  test('is the whole conversation, tool calls included', () => {
    const content = {
      vars: {},
      messages: [
        { role: 'user', content: 'Where is it?' },
        { role: 'assistant', content: '', toolCalls: [{ name: 'track', args: { order: 7 } }] },
        { role: 'tool', content: 'lost' },
      ],
      expected: { label: 'lost' },
    } as const;
    expect(inputText(content)).toBe(
      'user: Where is it?\nassistant: [tool call] track({"order":7})\ntool: lost',
    );
    expect(expectedText(content)).toBe('{"label":"lost"}');
    expect(contentLines({ vars: {}, messages: null, expected: null }, '')).toEqual([]);
  });
});

describe('input and expected value', () => {
  const { comparison, details } = refundComparison([
    {
      id: 'refund-1',
      before: Array.from({ length: 3 }, () => ({ text: `${SHARED}You get 40 euros.`, pass: true })),
      after: Array.from({ length: 3 }, () => ({ text: `${SHARED}You get nothing.`, pass: false })),
    },
  ]);
  const content = { vars: { ticket: 'My kettle leaks.' }, messages: null, expected: '40 euros' };
  const shown: Comparison = {
    ...comparison,
    cases: comparison.cases.map((d) =>
      'example' in d && d.example !== undefined ? { ...d, example: { ...d.example, content } } : d,
    ),
  };

  test.each([
    ['terminal', (): string => comparisonText(shown)],
    ['Markdown', (): string => comparisonMarkdown(shown)],
    ['JUnit', (): string => comparisonJunit(shown)],
    ['page', (): string => comparisonHtml(shown)],
  ])('stand beside both answers, cut around the difference: %s', (_, report) => {
    const page = report().replace(/<\/?(?:ins|del)>/g, '');
    const at = ['My kettle leaks.', '40 euros', 'You get', 'You get'].reduce(
      (from, text) => page.indexOf(text, from + 1),
      0,
    );
    expect(at).toBeGreaterThan(0);
    expect(page).toContain('40 euros.');
    expect(page).toContain('nothing.');
  });

  test('stand in the page of every opened case', () => {
    const trials = details.get('refund-1');
    if (trials === undefined) throw new Error('the world has the case');
    const page = comparisonHtml(comparison, { details: new Map([['refund-1', { ...trials, content }]]) });
    const block = /id="case-details">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    const opened = (JSON.parse(block) as Record<string, string>)['refund-1'];
    expect(opened).toContain('My kettle leaks.');
    expect(opened).toContain('40 euros</pre>');
  });

  test('open the report of one case, with what the baseline answered at its end', () => {
    const trials = details.get('refund-1');
    const text = caseText('refund-1', trials?.candidate ?? [], {
      content,
      baseline: { snapshot: 'sgoodgoodgood', trials: trials?.baseline ?? [] },
    });
    expect(text).toMatch(/^refund-1\n\ninput\n {2}\| My kettle leaks\.\n\nexpected\n {2}\| 40 euros\n/);
    expect(text).toContain('baseline sgoodgoodgood: 3 of 3 trials passed');
    expect(text).toMatch(/trial 0 \(pass\) answered:\n.*You get 40 euros\.\n$/s);
    const long = caseText('long', trials?.candidate ?? [], {
      content: { ...content, vars: { ticket: 'line\n'.repeat(50) } },
    });
    expect(long).toContain('… 11 more lines; --json has all of them');
  });
});

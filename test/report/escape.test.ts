// Model text is hostile: none of it may act on the place where it is shown.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  htmlText,
  markdownFence,
  markdownText,
  terminalLine,
  terminalText,
} from '../../src/report/parts/escape.ts';

const ATTACKS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '\u001b[31mred\u001b[0m \u001b]0;title\u0007',
  '::set-output name=x::y\n::error file=a::b',
  '@everyone and @octocat',
  '</details></pre>```\n# heading',
  '=HYPERLINK("http://x")',
  '\u202egnp.exe\u202c',
  '| a | b |\n|---|---|',
  '[link](javascript:alert(1))',
  '\u0000\u0008\u009b31m',
  '\ud800 lone',
];

test('no control character, bidi override or lone surrogate reaches a terminal', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...ATTACKS)), (text) => {
      const shown = terminalText(text);
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(shown.isWellFormed()).toBe(true);
      expect(terminalLine(text, 40)).not.toMatch(/[\n\r\t]/);
      expect(Array.from(terminalLine(text, 40)).length).toBeLessThanOrEqual(40);
    }),
  );
});

test('plain text is shown as it is', () => {
  expect(terminalText('Grüße, 日本語, 👩‍💻'.replace('\u200d', ''))).toBe('Grüße, 日本語, 👩💻');
  expect(terminalText('two\nlines\tand a tab')).toBe('two\nlines\tand a tab');
});

test('HTML text holds no markup of its own', () => {
  for (const attack of ATTACKS) expect(htmlText(attack)).not.toMatch(/[<>"']/);
});

test('Markdown text starts no markup, mention, table cell or workflow command', () => {
  for (const attack of ATTACKS) {
    const shown = markdownText(attack);
    expect(shown).not.toMatch(/(^|[^\\])[`*_[\]<>|#]/);
    expect(shown).not.toMatch(/@\w/);
    expect(shown).not.toContain('::');
    expect(shown).not.toContain('\n');
  }
});

test('a fence cannot be closed from inside, and no line in it is a workflow command', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('`', '``', '```', '````', 'a', '\n', '::error::x', '~~~')),
      (parts) => {
        const fenced = markdownFence(parts.join(''));
        const lines = fenced.split('\n');
        const fence = lines[0]?.replace('text', '') ?? '';
        const inner = lines.slice(1, -1).join('\n');
        expect(lines.at(-1)).toBe(fence);
        expect([...inner.matchAll(/`+/g)].every((m) => m[0].length < fence.length)).toBe(true);
        expect(inner).not.toMatch(/^::/m);
      },
    ),
  );
});

test('a long text is cut and says so', () => {
  expect(markdownFence('x'.repeat(5000))).toContain('3500 more characters');
});

// The template tag for markup: text is escaped whoever writes it, and text that nobody escaped does not compile as markup.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Content,
  type Html,
  html,
  htmlLines,
  htmlPage,
  htmlTable,
  joinHtml,
  NOTHING,
} from '../../src/report/html/index.ts';
import { htmlText } from '../../src/report/index.ts';
import { HOSTILE } from './hostile.ts';

const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE));

test('any text is escaped, alone, in a list and in a separator; markup is not', () => {
  void fc.assert(
    fc.property(texts, (text) => {
      const bold = html`<b title="${text}">${text}</b>`;
      expect(String(bold)).toBe(`<b title="${htmlText(text)}">${htmlText(text)}</b>`);
      expect(String(html`${[text, bold]}${7}`)).toBe(`${htmlText(text)}${bold}7`);
      expect(String(joinHtml([bold, text], text))).toBe(`${bold}${htmlText(text)}${htmlText(text)}`);
    }),
  );
});

test('parts on lines leave out what is empty', () => {
  expect(String(htmlLines([html`<p>1</p>`, NOTHING, html`${''}`, html`<p>2</p>`]))).toBe(
    '<p>1</p>\n<p>2</p>',
  );
});

test('text does not compile where markup is expected', () => {
  const text: string = '<script>alert(1)</script>';
  // @ts-expect-error a string is no markup
  const asMarkup: Html = text;
  // @ts-expect-error nor is an object that looks like it
  const asLookalike: Html = { toString: () => text, toJSON: () => text };
  // @ts-expect-error nor is a value that may be absent content
  const absent: Content = undefined;
  // @ts-expect-error the body of a page is markup
  const page = htmlPage('title', text);
  expect([asMarkup, asLookalike, absent, page].length).toBe(4);
  expect(String(htmlTable(['head'], [[text]], { caption: text }))).not.toContain('<script>');
});

// Long texts taken out of a JSON value and put back.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/base/json.ts';
import { canonicalJson } from '../../src/base/json.ts';
import {
  liftTexts,
  repeatedTexts,
  restoreTexts,
  wellFormed,
} from '../../src/ledger/model/share-long-texts.ts';

const LONG = 'the same long system prompt, word for word, '.repeat(4);

describe('lifting', () => {
  it('gives the value back, whatever is in it', () => {
    const value = fc
      .jsonValue({ noUnicodeString: false })
      .map((v) => JSON.parse(JSON.stringify(v)) as JsonValue);
    const marked = fc.record({
      a: fc.constantFrom('\u0001#0', '\u0001=\u0001#1', LONG, `\u0001#0${LONG}`),
      b: value,
      c: fc.constant(LONG),
    });
    fc.assert(
      fc.property(fc.oneof(value, marked), (v) => {
        const lifted = liftTexts(v as JsonValue);
        expect(canonicalJson(restoreTexts(JSON.parse(lifted.shape), lifted.texts))).toBe(
          canonicalJson(wellFormed(v as JsonValue)),
        );
      }),
    );
  });

  it('names a text once, and equal values alike, whatever the order of their keys', () => {
    const a = liftTexts({ system: LONG, user: 'hi', again: LONG });
    expect(a.texts).toEqual([LONG]);
    expect(liftTexts({ again: LONG, user: 'hi', system: LONG })).toEqual(a);
  });

  it('leaves requests that differ only in long texts with one shape', () => {
    const request = (text: string): JsonValue => ({
      messages: [
        { role: 'system', content: LONG },
        { role: 'user', content: text },
      ],
    });
    expect(liftTexts(request(`${LONG} 1`)).shape).toBe(liftTexts(request(`${LONG} 2`)).shape);
  });

  it('refuses a shape whose text is gone', () => {
    expect(() => restoreTexts('\u0001#1', ['only one'])).toThrow('text 1');
  });
});

describe('texts that come back', () => {
  const ask = 'Does the reply name the day on which the money is back?';
  const rubric = (n: number) => ({ criteria: [{ id: `c${n}`, ask }], value: `case ${n} of a few words` });

  it('are lifted although they are short, where that takes less room', () => {
    const values = Array.from({ length: 8 }, (_, n) => rubric(n));
    expect([...repeatedTexts(values)]).toEqual([ask]);
    expect([...repeatedTexts(values.slice(0, 3))]).toEqual([]);
    const lifted = liftTexts(rubric(1), repeatedTexts(values));
    expect(lifted.texts).toEqual([ask]);
    expect(lifted.shape).not.toContain('money');
    expect(restoreTexts(JSON.parse(lifted.shape), lifted.texts)).toEqual(rubric(1));
    expect(liftTexts(rubric(1)).texts).toEqual([]);
  });
});

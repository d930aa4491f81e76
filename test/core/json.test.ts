import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalJson,
  contentHash,
  type JsonValue,
  jsonAt,
  normalizeNewlines,
  sha256,
} from '../../src/base/json.ts';

// Strings without half surrogates: those have no UTF-8 form, and RFC 8785 rules them out.
const json = fc.jsonValue({ stringUnit: 'binary' }) as fc.Arbitrary<JsonValue>;

test('the sample of RFC 8785 section 3.2.2 comes out as the RFC prints it', () => {
  const input = JSON.parse(
    `{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
      "string":"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}`,
  ) as JsonValue;
  expect(canonicalJson(input)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('keys are sorted by UTF-16 code units, as in the sample of RFC 8785 section 3.2.3', () => {
  const input = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  expect(Object.keys(JSON.parse(canonicalJson(input)) as object)).toEqual(
    // JavaScript puts the integer-like key "1" first whatever its place in the text.
    ['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'],
  );
  expect(canonicalJson(input).indexOf('\\r')).toBeLessThan(canonicalJson(input).indexOf('"1"'));
});

test('numbers take the shortest form of RFC 8785 appendix B, and what is no number is refused', () => {
  expect(canonicalJson([-0, 1e21, 9007199254740992, 5e-324, 1e-7])).toBe(
    '[0,1e+21,9007199254740992,5e-324,1e-7]',
  );
  expect(() => canonicalJson([Number.NaN])).toThrow();
  expect(() => canonicalJson([Number.POSITIVE_INFINITY])).toThrow();
});

test('canonical text is valid JSON of the same value, and a fixed point', () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      const again = JSON.parse(text) as JsonValue;
      expect(canonicalJson(again)).toBe(text);
      expect(again).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('the order of keys does not change the hash; another value does', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), json, (map, other) => {
      const reversed = Object.fromEntries(Object.entries(map).reverse());
      expect(contentHash(reversed)).toBe(contentHash(map));
      const same = canonicalJson(map) === canonicalJson([other]);
      expect(contentHash(map) === contentHash([other])).toBe(same);
    }),
  );
});

test('a key that is undefined is not there', () => {
  expect(contentHash({ vars: {}, expected: undefined })).toBe(contentHash({ vars: {} }));
  expect(contentHash({ vars: {}, expected: null })).not.toBe(contentHash({ vars: {} }));
});

test('sha256 is the one of FIPS 180-4', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('every kind of line end is LF and the byte-order mark goes', () => {
  expect(normalizeNewlines('\uFEFFa\r\nb\rc\nd')).toBe('a\nb\nc\nd');
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(normalizeNewlines(normalizeNewlines(text))).toBe(normalizeNewlines(text));
    }),
  );
});

test('a dotted path finds values in maps and lists, and nothing that is inherited', () => {
  const reply = { choices: [{ message: { text: 'hello' } }] };
  expect(jsonAt(reply, 'choices.0.message.text')).toBe('hello');
  expect(jsonAt(reply, '$.choices[0].message.text')).toBe('hello');
  expect(jsonAt(reply, 'choices.1')).toBeUndefined();
  expect(jsonAt(reply, 'constructor.name')).toBeUndefined();
});

test('what is written without the library is what the library would write', () => {
  const keys = fc.oneof(
    fc.constantFrom('a', 'b', 'B', '1', '10', '9', '', '\u00e9', '__proto__', 'toJSON', 'constructor'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(undefined, null, true, -0, 1e21, 1e-7, Number.NaN, '\ud800', 'lone \udc00'),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 6 }),
    ),
  }));
  const told = (write: () => string | undefined): unknown => {
    try {
      return write();
    } catch {
      return new Error('refused');
    }
  };
  fc.assert(
    fc.property(tree, (value) => {
      // Our own refuses what has no JSON form at all.
      const theirs = told(() => canonicalize(value) ?? canonicalJson(Number.NaN));
      expect(told(() => canonicalJson(value as JsonValue))).toEqual(theirs);
    }),
    { numRuns: 2000 },
  );
  const deep = Array.from({ length: 500 }).reduce<JsonValue>((inner) => ({ b: 1, a: inner }), 'deep');
  expect(canonicalJson(deep)).toBe(canonicalize(deep));
  const round: Record<string, unknown> = { name: 'round' };
  round['self'] = round;
  expect(() => canonicalJson(round as JsonValue)).toThrow('Circular');
});

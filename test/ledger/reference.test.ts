// The grammar of references: what each form means, and that nothing else is taken for one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSnapshotId } from '../../src/core/ids.ts';
import { parseReference } from '../../src/ledger/index.ts';

const NOW = new Date('2026-03-20T12:00:00.000Z');
const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });

describe('a reference', () => {
  it('is an id, or at least four characters of one', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 4, max: 12 }),
        (x, n) => {
          const prefix = newSnapshotId({ next: () => x }).slice(0, n);
          expect(parseReference(prefix, NOW)).toEqual({ kind: 'id', prefix });
          expect(parseReference(prefix.toUpperCase(), NOW)).toEqual({ kind: 'id', prefix });
        },
      ),
    );
    expect(() => parseReference('sab', NOW)).toThrow('at least 4 characters');
  });

  it('counts back from the latest', () => {
    fc.assert(
      fc.property(fc.nat(999_999), (back) => {
        expect(parseReference(`latest~${back}`, NOW)).toEqual({ kind: 'latest', back });
      }),
    );
    expect(parseReference('latest', NOW)).toEqual({ kind: 'latest', back: 0 });
  });

  it('means by a day all of it, in UTC, and by a time that moment', () => {
    fc.assert(
      fc.property(day, (date) => {
        const iso = date.toISOString();
        const text = iso.slice(0, 10);
        const end = Date.parse(`${text}T23:59:59.999Z`);
        expect(parseReference(`@${text}`, NOW)).toEqual({ kind: 'at', ms: end });
        expect(parseReference(`@${iso}`, NOW)).toEqual({ kind: 'at', ms: date.getTime() });
        expect(parseReference('@today', date)).toEqual({ kind: 'at', ms: end });
        expect(parseReference('@yesterday', date)).toEqual({ kind: 'at', ms: end - 86_400_000 });
      }),
    );
  });

  it('finds labels with any text in the value', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (key, value) => {
        fc.pre(!key.includes('='));
        expect(parseReference(`label:${key}=${value}`, NOW)).toEqual({ kind: 'label', key, value });
      }),
    );
  });

  it.each([
    '',
    'last',
    'latest~',
    'latest~-1',
    'latest~1.5',
    'base',
    'label:',
    'label:x',
    '@',
    '@soon',
    '@2026-13-01',
    '@2026-02-30',
    '@2026-03-15T08:00',
    '@2026',
    '3fa9c1d2',
    'run 5',
    'sab*',
    "s' OR 1",
    's%%%%',
  ])('is not %j', (ref) => {
    expect(() => parseReference(ref, NOW)).toThrow(
      expect.objectContaining({ code: 'REF_NOT_FOUND', exitCode: 2 }),
    );
  });

  it('is read or refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), (ref) => {
        try {
          expect(['id', 'latest', 'baseline', 'at', 'label']).toContain(parseReference(ref, NOW).kind);
        } catch (error) {
          expect(error).toMatchObject({ name: 'LastgoodError', code: 'REF_NOT_FOUND' });
        }
      }),
    );
  });
});

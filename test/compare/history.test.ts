// Since when: the onset of a regression over a series of snapshots.

import { describe, expect, it } from 'vitest';
import { onsetOf, onsetOfRates } from '../../src/compare/index.ts';
import { Mt19937, snapshot } from './world.ts';

describe('in a series of rates', () => {
  it('a few snapshots: the first bad one, and the last good one before it', () => {
    expect(onsetOfRates([1, 1, 0, 0])).toEqual({
      index: 2,
      interval: [1, 2],
      method: 'first bad',
      before: 1,
      after: 0,
    });
  });

  it('a bad night that recovered is not the onset', () => {
    expect(onsetOfRates([1, 0, 1, 1, 0])?.index).toBe(4);
  });

  it('what tells nothing widens the interval', () => {
    expect(onsetOfRates([1, null, null, 0])).toMatchObject({ index: 3, interval: [0, 3] });
  });

  it('no drop, no onset', () => {
    expect(onsetOfRates([])).toBeNull();
    expect(onsetOfRates([null, null])).toBeNull();
    expect(onsetOfRates([0.5])).toBeNull();
    expect(onsetOfRates([0, 0, 0])).toBeNull();
    expect(onsetOfRates([0, 0.5, 1])).toBeNull();
  });

  it('a long clean step without noise is placed exactly', () => {
    expect(onsetOfRates([...Array(10).fill(1), ...Array(5).fill(0.2)])?.index).toBe(10);
  });

  it('a noisy step is placed by the change point, whatever the noise did before', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rng = new Mt19937(seed);
      const rates = Array.from({ length: 21 }, (_, i) => (i < 14 ? 0.9 : 0.5) + 0.08 * (rng.next() - 0.5));
      expect(onsetOfRates(rates)).toMatchObject({ index: 14, interval: [13, 14], method: 'change point' });
    }
  });
});

describe('in a series of snapshots', () => {
  const at = (id: string, trials: string, more = {}) =>
    snapshot(
      id,
      [
        { id: 'angry', trials },
        { id: 'calm', trials: 'fff' },
      ],
      more,
    );

  it('looks at the named cases only and skips invalid snapshots', () => {
    const series = [
      at('s-1', 'ppp'),
      at('s-2', 'ppp'),
      at('s-3', 'fff', { validity: 'invalid' }),
      at('s-4', 'pff'),
      at('s-5', 'fff'),
    ];
    expect(onsetOf(series, ['angry'])).toMatchObject({ index: 3, interval: [1, 3] });
    expect(onsetOf(series, ['calm'])).toBeNull();
    expect(onsetOf(series, [])).toBeNull();
  });

  it('does not mix exams: an older grading of the case is no evidence', () => {
    const old = snapshot('s-0', [{ id: 'angry', trials: 'ppp', exam: { gradersHash: 'lenient' } }]);
    expect(onsetOf([old, at('s-1', 'fff'), at('s-2', 'fff')], ['angry'])).toBeNull();
  });
});

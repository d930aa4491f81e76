// Distance of embedded answers to those of a reference.

import { expect, test } from 'vitest';
import { ReferenceCentroids } from '../../src/monitor/drift/embedding-distance.ts';

const answer = (group: string | null, ...vector: number[]) => ({ group, vector: Int8Array.from(vector) });

test('each kind is compared with itself, whatever the length of its vectors', () => {
  const centroids = new ReferenceCentroids();
  centroids.add(answer('a', 100, 0));
  centroids.add(answer('b', 0, 50));
  const windows = centroids.window(7, [answer('a', 3, 0), answer('b', 0, 9), answer('b', 9, 0)]);
  expect(windows).toEqual([
    { at: 7, template: 'a', moments: { n: 1, sum: 0, squares: 0 } },
    { at: 7, template: 'b', moments: { n: 2, sum: 1, squares: 1 } },
  ]);
});

test('answers that spread lie further from their centre', () => {
  const centroids = new ReferenceCentroids();
  for (const side of [10, -10]) centroids.add(answer(null, 100, side));
  const mean = (side: number): number => {
    const [w] = centroids.window(0, [answer(null, 100, side), answer(null, 100, -side)]);
    return w!.moments.sum / w!.moments.n;
  };
  expect(mean(100)).toBeGreaterThan(mean(10) + 0.2);
});

test('an empty answer and a kind that the reference lacks say nothing', () => {
  const centroids = new ReferenceCentroids();
  centroids.add(answer('a', 0, 0));
  centroids.add(answer('b', 1, 1));
  expect(centroids.window(0, [answer('a', 1, 0), answer('b', 0, 0), answer(null, 1, 0)])).toEqual([]);
});

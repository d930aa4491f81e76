// Cases of a large suite on a server: set aside once, and given back as they were, in any order.

import { expect, it } from 'vitest';
import { spooledCases } from '../../src/ledger/postgres/spooled-cases.ts';
import { refundCase } from './world.ts';

it('gives back every case as it was, and reads each once', async () => {
  const cases = Array.from({ length: 1100 }, (_, n) =>
    refundCase(`kettle-${n} ü\u0000`, n % 2 === 0 ? {} : { expected: undefined }),
  );
  let read = 0;
  const spooled = await spooledCases(cases.length, async (from, count) => {
    const some = cases.slice(from, from + count);
    read += some.length;
    return some;
  });
  expect(read).toBe(cases.length);
  expect([...spooled]).toStrictEqual(cases);
  expect(spooled.at(-1)).toStrictEqual(cases.at(-1));
  expect(spooled.at(63)).toStrictEqual(cases[63]);
  expect(spooled.at(1100)).toBeUndefined();
});

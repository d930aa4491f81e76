import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadRelease } from '../../src/release/index.ts';
import { folder } from '../suite/world.ts';

const DATA = join(import.meta.dirname, '../../../shared/data/llmdrift/prime');
const present = existsSync(DATA);
if (!present) console.log(`skipped: no recorded data at ${DATA}`);

test.skipIf(!present)('four recordings make four replay releases with four fingerprints', async () => {
  const models = ['gpt-4-0314', 'gpt-4-0613', 'gpt-3.5-turbo-0301', 'gpt-3.5-turbo-0613'];
  const dir = await folder(
    Object.fromEntries(
      models.map((m) => [
        `${m}.yaml`,
        `route: { provider: replay, file: ${join(DATA, `${m}.jsonl`)}, model: ${m} }\n`,
      ]),
    ),
  );
  const releases = await Promise.all(models.map((m) => loadRelease(join(dir, `${m}.yaml`))));
  expect(new Set(releases.map((r) => r.fingerprint)).size).toBe(4);
  expect(releases.map((r) => r.name)).toEqual(models);
  expect(releases.every((r) => r.pin.state === 'pinned')).toBe(true);
});

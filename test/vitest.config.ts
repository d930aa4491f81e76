import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { LongestFirst } from './sequencer.ts';

/** Asked for a shuffled order, vitest shuffles only where no other order is set. */
const shuffled = process.argv.some((word) => word.startsWith('--sequence.shuffle'));

/** Whole stories of many commands, minutes together: `npm run test:walks`. */
export const WALKS = 'test/**/*.walk.test.ts';
export const NO_TESTS = ['test/fixtures/**', 'node_modules/**'];

/** What every run of tests goes by. */
export const SETTINGS = {
  root: new URL('..', import.meta.url).pathname,
  setupFiles: ['test/setup.ts'],
  // Against what never ends; a busy machine takes several times as long.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
  // The files of a worker share its modules: loading them anew for each file costs a minute and a half of CPU.
  isolate: false,
  restoreMocks: true,
  unstubEnvs: true,
  sequence: shuffled ? {} : { sequencer: LongestFirst },
  // Two cores is the machine we promise five minutes on.
  maxWorkers: 2,
  coverage: { provider: 'v8', include: ['src/**/*.ts'] },
} satisfies ViteUserConfig['test'];

export default defineConfig({
  test: { ...SETTINGS, include: ['test/**/*.test.ts'], exclude: [...NO_TESTS, WALKS] },
});

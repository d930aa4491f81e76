// The walk-throughs: whole stories of many commands. They are apart so that `npm test` keeps to its minutes; .ci/run has both.

import { defineConfig } from 'vitest/config';
import { NO_TESTS, SETTINGS, WALKS } from './vitest.config.ts';

export default defineConfig({ test: { ...SETTINGS, include: [WALKS], exclude: NO_TESTS } });

// Property tests draw the same examples on every machine; other ones with LASTGOOD_FAST_CHECK_SEED=N (CI is no place for a lottery).

import { enableCompileCache } from 'node:module';
import fc from 'fast-check';

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env['LASTGOOD_FAST_CHECK_SEED'] ?? 20261120),
});

// As the command line does: the threads that a worker starts compile the sources once, not each time.
enableCompileCache();

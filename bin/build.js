// node bin/build.js [--if-possible] [--out FOLDER]
// Makes dist/ from the sources: fewer and larger modules, which load in half the time. What is up to date is left alone, because
// another process may be running it. --if-possible: without the bundler (an install without development packages) the sources run.

import { rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isBuilt, path, STAMP, sources } from './built.js';

const { values } = parseArgs({ options: { 'if-possible': { type: 'boolean' }, out: { type: 'string' } } });

/** What is started or imported by its own name; the rest lies in chunks, one floor below dist as in src. */
const ENTRIES = ['cli/main', 'index', 'snapshot/ledger-thread', 'grade/grader-worker'];

async function bundler() {
  try {
    return await import('rolldown');
  } catch (error) {
    if (!values['if-possible'] || error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stdout.write('lastgood: no bundler is installed, so the sources are run as they are\n');
    return null;
  }
}

async function make(rolldown) {
  const from = sources();
  if (values.out === undefined) rmSync(path('dist'), { recursive: true, force: true });
  await rolldown.build({
    cwd: path('.'),
    input: Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])),
    platform: 'node',
    // Packages stay packages.
    external: /^[^./]/,
    output: {
      dir: values.out ?? path('dist'),
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name].js',
      // It looks for files from where it lies, so it must lie as deep as in src.
      codeSplitting: { groups: [{ name: 'package-files', test: /src\/core\/package-files\.ts$/ }] },
    },
    logLevel: 'warn',
  });
  if (values.out === undefined) writeFileSync(STAMP, from);
}

if (values.out !== undefined || !isBuilt()) {
  const rolldown = await bundler();
  if (rolldown !== null) await make(rolldown);
}

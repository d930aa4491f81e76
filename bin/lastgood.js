#!/usr/bin/env node
// Checks the Node version before anything else is loaded: the SQLite addon ends an older process with a bare segfault.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `lastgood needs Node 22.18 or newer, this is ${process.versions.node}; install one (https://nodejs.org) or run it with: npx -p node@24 -p lastgood lastgood\n`,
  );
  process.exitCode = 2;
} else {
  // Exit code 1 means a regression; Node's own code for an error that nothing caught is 1 as well.
  try {
    const { enableCompileCache } = await import('node:module');
    enableCompileCache?.();
    // A clone runs what was built from its sources as long as they are the same, and the sources themselves from then on.
    const { entry } = await import('./built.js');
    const { main } = await import(entry());
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.exitCode = 4;
    process.stderr.write(
      `lastgood could not start: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
  }
}

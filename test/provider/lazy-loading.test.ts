// The SDKs cost a fifth of a second each to load, which `--help` and offline commands must not pay.

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const HEAVY = ['openai', '@anthropic-ai/sdk', 'undici', 'liquidjs'];

/** Which heavy packages a process has loaded after running the code: ES modules are seen by a resolve hook, CommonJS by its cache. */
async function loadedAfter(code: string): Promise<string[]> {
  const script = `
    import { createRequire, registerHooks } from 'node:module';
    const seen = new Set();
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        seen.add(found.url);
        return found;
      },
    });
    ${code}
    const all = [...seen, ...Object.keys(createRequire(import.meta.url).cache)];
    console.log(JSON.stringify(${JSON.stringify(HEAVY)}.filter((name) => all.some((path) => path.includes('/node_modules/' + name + '/')))));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: ROOT,
  });
  return JSON.parse(stdout) as string[];
}

const replayRelease = `{ name: 'r', file: null, layers: { route: { provider: 'replay' } }, paths: { recordings: '/dev/null' } }`;
const openaiRelease = `{ name: 'r', file: null, layers: { route: { provider: 'openai', model: 'm' } }, paths: {} }`;
const mask = `{ text: (t) => t, json: (j) => j, add() {} }`;

test('importing the providers loads no SDK and no HTTP client', async () => {
  expect(await loadedAfter(`await import('./src/provider/index.ts');`)).toEqual([]);
});

test('a replay needs none of them either, and OpenAI only its own, not before there is something to ask', async () => {
  const make = (release: string, then = '') =>
    `const { createProvider } = await import('./src/provider/index.ts');
     const provider = await createProvider(${release}, { env: (name) => (name === 'OPENAI_API_KEY' ? 'sk-x' : undefined), mask: ${mask} });
     ${then}
     await provider.close?.();`;
  expect(await loadedAfter(make(replayRelease))).toEqual([]);
  expect(await loadedAfter(make(openaiRelease))).toEqual([]);
  expect(await loadedAfter(make(openaiRelease, 'await provider.ready();'))).toEqual(['openai', 'undici']);
});

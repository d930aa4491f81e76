// The reference pages: their files are written to a folder, their commands run there in order, and they name every key there is.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { LLMock } from '@copilotkit/aimock';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { CUT_OFF_CODES } from '../../src/core/conversation.ts';
import { MODEL_APIS, type ModelApiName, type modelApi } from '../../src/core/model-apis.ts';
import * as library from '../../src/index.ts';
import { releaseFileSchema } from '../../src/release/release-schema.ts';
import { routeSchema } from '../../src/release/route-schema.ts';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { cannedToolSchema, caseSchema } from '../../src/suite/case-schema.ts';
import { fileEntrySchema, MAP_KEYS, suiteFileSchema } from '../../src/suite/suite-schema.ts';
import { lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { WireServer } from '../provider/wire-server.ts';

const page = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** A block that carries a mark such as `<!-- file: releases/a.yaml -->`, or a shell block. */
interface Step {
  /** null = commands. */
  readonly file: string | null;
  readonly body: string;
}

function steps(text: string): Step[] {
  const blocks = text.matchAll(/(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, file, language, body = '']): Step[] =>
    file !== undefined ? [{ file, body }] : language === 'sh' ? [{ file: null, body }] : [],
  );
}

/** Writes the page's files and runs the commands; each ends with the exit code the page gives (0 when it gives none). */
async function follow(
  name: string,
  folder: string,
  env: Record<string, string> = {},
  edited: (body: string) => string = (body) => body,
): Promise<number> {
  let commands = 0;
  const all = steps(page(name));
  for (const { file, body } of all) {
    if (file === null) continue;
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), edited(body));
  }
  for (const { file, body } of all) {
    if (file !== null) continue;
    for (const line of body.trim().split('\n')) {
      const [command = '', comment = ''] = line.split(/\s+#\s/);
      const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
      expect(program).toBe('lastgood');
      const { code, stderr, stdout } = await lastgoodHere(args, { cwd: folder, env });
      expect(code, `${line}\n${stderr}\n${stdout}`).toBe(Number(/exit (\d)/.exec(comment)?.[1] ?? 0));
      commands++;
    }
  }
  return commands;
}

/** Names that the page does not write as code. */
const unnamed = (text: string, names: Iterable<string>): string[] =>
  [...names].filter((name) => !new RegExp(`[\`{, ]${name.replace('$', '\\$')}[\`:,} =(]`).test(text));

/** Keys of an object schema and of the objects in it. */
function keysOf(schema: z.ZodType): Set<string> {
  const keys = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const v of value) walk(v);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const { properties } = value as { properties?: Record<string, unknown> };
    for (const key of Object.keys(properties ?? {})) keys.add(key);
    for (const v of Object.values(value)) walk(v);
  };
  walk(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }));
  return keys;
}

test('suites.md: every file loads, every command runs', async () => {
  await using dir = await temporaryFolder();
  expect(await follow('suites.md', dir.path)).toBe(4);
  const shown = await lastgoodHere(['show', 'latest~1', '--json'], { cwd: dir.path });
  const { snapshot } = JSON.parse(shown.stdout) as { snapshot: { cases: number; passRate: number } };
  // Two lines, an incident, two rows of the CSV, one chosen row of another shape, one inline.
  expect(snapshot).toMatchObject({ cases: 7 });
});

test('conversations.md: the suite runs as the page says', async () => {
  await using dir = await temporaryFolder();
  const scenario = parseScenario(
    JSON.stringify({
      name: 'lamps',
      versions: { steady: { skill: 1 } },
      models: [{ id: 'gpt-agent-2026-04-01', provider: 'openai', version: 'steady' }],
      knowledge: [
        {
          match: 'order 2002 came broken',
          toolCalls: [{ name: 'lookup_order', arguments: { id: 2002 } }],
          thenCalls: [[{ name: 'refund_order', arguments: { id: 2002, amount: 60 } }]],
          right: 'I have refunded 60 pounds.',
          wrong: ['No.'],
        },
        { match: 'Where is my lamp', right: 'What is the order number?', wrong: ['No.'] },
        {
          match: 'number is 5001',
          toolCalls: [{ name: 'lookup_order', arguments: { id: 5001 } }],
          thenCalls: [[{ name: 'lookup_order', arguments: { id: 5001 } }]],
          right: 'Your order is sent.',
          wrong: ['No.'],
        },
      ],
    }),
  );
  const simulator = await startSimulator({ scenario });
  try {
    const env = { LLM_URL: simulator.openaiBaseUrl, OPENAI_API_KEY: 'none' };
    expect(await follow('conversations.md', dir.path, env)).toBe(5);
  } finally {
    await simulator.close();
  }
  const shown = await lastgoodHere(['show', 'latest', '--json'], { cwd: dir.path });
  expect(JSON.parse(shown.stdout).snapshot).toMatchObject({ cases: 2, passRate: 1, calls: 7 });
});

test('conversations.md names every key of turns and tools', () => {
  const text = page('conversations.md');
  expect(unnamed(text, ['turns', 'tools', 'max-steps', 'user', 'grade', 'simulate', 'max-turns'])).toEqual(
    [],
  );
  expect(unnamed(text, Object.keys(cannedToolSchema.shape))).toEqual([]);
  expect(CUT_OFF_CODES.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
});

test('suites.md names every key', () => {
  const text = page('suites.md');
  const own = Object.keys(suiteFileSchema.shape);
  expect(
    unnamed(text, [...own, ...Object.keys(caseSchema.shape), ...Object.keys(fileEntrySchema.shape)]),
  ).toEqual([]);
  expect(unnamed(text, MAP_KEYS)).toEqual([]);
});

test('releases.md: every release loads and has the fingerprint it says', async () => {
  await using dir = await temporaryFolder();
  expect(await follow('releases.md', dir.path)).toBe(3);
});

test('releases.md names every key of every layer', () => {
  const { route: _route, ...layers } = releaseFileSchema.shape;
  expect(unnamed(page('releases.md'), [...Object.keys(layers), ...keysOf(z.object(layers))])).toEqual([]);
});

test('providers.md: every route answers as the page says', async () => {
  await using dir = await temporaryFolder();
  const reply = /<!-- reply: app -->\n```json\n([\s\S]*?)```/.exec(page('providers.md'))?.[1] ?? '';
  await using app = await WireServer.start({ 'POST /ask': () => ({ body: reply }) });
  const scenario = parseScenario(
    JSON.stringify({
      name: 'desk',
      seed: 1,
      versions: { steady: { skill: 1 } },
      models: [
        { id: 'gpt-4o-2024-11-20', provider: 'openai', version: 'steady' },
        { id: 'claude-sonnet-4-5-20250929', provider: 'anthropic', version: 'steady' },
      ],
    }),
  );
  const simulator = await startSimulator({ scenario });
  // Services by name are played by a mock server that is not ours.
  const mock = new LLMock({ port: 0 });
  mock.on({}, { content: '{"word":"hello"}' });
  await mock.start();
  const services = {
    openrouter: `${mock.url}/api/v1`,
    gemini: `${mock.url}/v1beta/openai`,
    ollama: `${mock.url}/v1`,
  };
  try {
    const env = {
      OPENAI_API_KEY: 'none',
      ANTHROPIC_API_KEY: 'none',
      AZURE_OPENAI_API_KEY: 'none',
      AZURE_OPENAI_ENDPOINT: mock.url,
      AZURE_TOKEN: 'token-2468013579',
      OPENROUTER_API_KEY: 'none',
      GEMINI_API_KEY: 'none',
      LITELLM_API_KEY: 'none',
      LITELLM_URL: mock.url,
      LLM_URL: simulator.openaiBaseUrl,
      LLM_KEY: 'none',
      APP_URL: `${app.url}/ask`,
      APP_TOKEN: 'token-1234567890',
      BOT_TOKEN: 'token-0987654321',
    };
    // The page calls the providers' own services; the test calls the simulator.
    const commands = await follow('providers.md', dir.path, env, (body) =>
      body
        .replace('  api: responses\n', `$&  base-url: ${simulator.openaiBaseUrl}\n`)
        .replace('  provider: anthropic\n', `$&  base-url: ${simulator.anthropicBaseUrl}\n`)
        .replace('http://127.0.0.1:8000/v1', `${mock.url}/v1`)
        .replace(
          / {2}provider: (openrouter|gemini|ollama)\n/,
          (line, name: keyof typeof services) => `${line}  base-url: ${services[name]}\n`,
        ),
    );
    expect(commands).toBe(19);
  } finally {
    await simulator.close();
    await mock.stop();
  }
  const gets = /The application gets:\n\n```json\n([\s\S]*?)```/.exec(page('providers.md'))?.[1] ?? '';
  expect(app.requests[0]?.body).toEqual(JSON.parse(gets));
  expect(app.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer token-1234567890',
    'x-team': 'desk',
  });
});

test('providers.md: the table of services says what the code does', () => {
  const table = page('providers.md').split('## Services by name')[1]?.split('## openai')[0] ?? '';
  for (const [name, api] of Object.entries(MODEL_APIS) as [ModelApiName, ReturnType<typeof modelApi>][]) {
    const row = new RegExp(`^\\| \`${name}\` \\|.*$`, 'm').exec(table)?.[0] ?? '';
    const wires = /^\|[^|]*\|([^|]*)\|/.exec(row)?.[1] ?? '';
    expect([...wires.matchAll(/\w+/g)].map(([word]) => word)).toEqual(api.wires);
    expect(row).toContain(
      api.url === null
        ? name === 'azure' || name === 'litellm'
          ? 'set `base-url`'
          : 'from `region`'
        : `\`${api.url}\``,
    );
    expect(row).toContain(api.keyVariable);
  }
});

test('providers.md names every option of every route', () => {
  const sections = page('providers.md').split(/^## /m);
  for (const option of routeSchema.options) {
    const { provider, ...own } = option.shape;
    const section = sections.find((s) => s.startsWith(provider.value)) ?? '';
    expect(
      unnamed(
        section,
        [...Object.keys(own), ...keysOf(z.object(own))].filter((k) => k !== 'env' && k !== 'prefix'),
      ),
      provider.value,
    ).toEqual([]);
  }
});

test('api.md: its examples compile and run, and the page names all that is exported', async () => {
  await using dir = await temporaryFolder();
  await follow('api.md', dir.path);
  await writeFile(join(dir.path, 'package.json'), '{ "type": "module" }');
  const examples = ['example.ts', 'restore.ts', 'files.ts', 'polite.ts'];
  for (const name of examples) {
    const file = join(dir.path, name);
    const text = readFileSync(file, 'utf8');
    await writeFile(file, text.replace("from 'lastgood'", `from '${join(ROOT, 'src/index.ts')}'`));
  }
  const run = (file: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [...args, file], { cwd: dir.path }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  const ran = await run('example.ts');
  expect(ran.code, ran.stderr).toBe(1);
  expect(ran.stdout).toMatch(/REGRESSED +desk/);
  const restored = await run('restore.ts');
  expect(restored.code, restored.stderr).toBe(0);
  expect(restored.stdout).toContain('route:');
  const files = await run('files.ts');
  expect(files.stdout, files.stderr).toMatch(/^desk .*late.*broken/s);
  const { default: polite } = (await import(join(dir.path, 'polite.ts'))) as {
    default: (input: { output: string }) => unknown;
  };
  expect(polite({ output: 'No.' })).toMatchObject({ score: 0 });

  const compilerOptions = {
    ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2024', strict: true, noEmit: true },
    ...{ allowImportingTsExtensions: true, typeRoots: [join(ROOT, 'node_modules/@types')], types: ['node'] },
    ...{ skipLibCheck: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  };
  await writeFile(join(dir.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: examples }));
  const checked = await run(join(ROOT, 'node_modules/typescript/bin/tsc'));
  expect(checked.stdout).toBe('');
  expect(unnamed(page('api.md'), Object.keys(library))).toEqual([]);
});

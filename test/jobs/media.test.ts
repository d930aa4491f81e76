// A case with an image through its whole life: run, shown, compared, exported, imported, forgotten. Its bytes are stored once and shown nowhere.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/json.ts';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { PNG, PNG_HASH } from '../fixtures/media.ts';
import { WireServer } from '../provider/wire-server.ts';

const DATA = PNG.toString('base64');
const OTHER = Buffer.concat([PNG, Buffer.from([0, 0])]);

const SUITE = `name: pics
cases:
  - { id: first, messages: [{ role: user, content: [{ text: What is it? }, { image: lamp.png }] }], grade: [{ contains: lamp }], params: { max-output-tokens: 30 } }
  - { id: second, turns: [{ user: [{ text: And here? }, { image: lamp.png }] }, Sure?], grade: [{ contains: lamp }] }
`;
const RELEASE = `route: { provider: openai, api: responses, model: gpt-see-2026-04-01, base-url: { env: LLM_URL } }
prompt:
  examples: [{ user: [{ text: And this? }, { image: example.png }], assistant: a cup }]
params: { max-output-tokens: 100 }
`;

const answer = (text: string) => ({
  object: 'response',
  status: 'completed',
  model: 'gpt-see-2026-04-01',
  output: [{ type: 'message', content: [{ type: 'output_text', text }] }],
  usage: {
    input_tokens: 900,
    input_tokens_details: { cached_tokens: 700 },
    output_tokens: 50,
    output_tokens_details: { reasoning_tokens: 30 },
  },
});

test('an image is sent, kept once, compared by its bytes, exported whole and forgotten', async () => {
  await using dir = await temporaryFolder();
  await using server = await WireServer.start({
    'POST /v1/responses': ({ text }) => ({ body: answer(text.includes(DATA) ? 'a lamp' : 'a chair') }),
  });
  const at = (name: string) => join(dir.path, name);
  const env = { LLM_URL: `${server.url}/v1`, OPENAI_API_KEY: 'none' };
  const run = async (...args: string[]) => {
    const done = await lastgoodHere(args, { cwd: dir.path, env });
    // Whatever is printed: a label, never the bytes.
    expect(done.stdout + done.stderr).not.toContain(DATA.slice(0, 60));
    return done;
  };
  await writeFile(at('suite.yaml'), SUITE);
  await writeFile(at('release.yaml'), RELEASE);
  await writeFile(at('lamp.png'), PNG);
  await writeFile(at('example.png'), OTHER);
  await writeFile(
    at('prices.yaml'),
    'as-of: 2026-11-01\nmodels: { gpt-see-2026-04-01: { input: 1, output: 2 } }\n',
  );

  const plan = await run(
    'run',
    'suite.yaml',
    '--release',
    'release.yaml',
    '--prices',
    'prices.yaml',
    '--dry-run',
  );
  expect(plan.stdout + plan.stderr).toMatch(/unknown/);
  expect((await run('run', 'suite.yaml', '--release', 'release.yaml')).code).toBe(0);
  expect(server.requests).toHaveLength(3);
  expect(server.requests.map(({ body }) => body['max_output_tokens'])).toEqual([30, 100, 100]);
  expect(server.requests[0]?.body['input']).toMatchObject([
    {
      role: 'user',
      content: [{ type: 'input_text' }, { image_url: `data:image/png;base64,${OTHER.toString('base64')}` }],
    },
    { role: 'assistant' },
    { role: 'user', content: [{ type: 'input_text' }, { image_url: `data:image/png;base64,${DATA}` }] },
  ]);

  const label = `[image lamp.png: image/png, 70 bytes, sha256 ${PNG_HASH.slice(0, 12)}]`;
  const shown = await run('show', 'latest', '--case', 'first');
  expect(shown.stdout).toContain(label);
  expect(shown.stdout).toContain('params: {"max-output-tokens":30}');
  expect(shown.stdout).toContain('900 tokens in (700 read from the cache), 50 out (30 reasoning)');
  expect((await run('show', 'latest', '--format', 'html')).stdout).toContain(label);
  const second = await run('show', 'latest', '--case', 'second', '--json');
  expect(second.stdout).toContain(label);
  const { trials } = json(second) as unknown as { trials: { trial: { output: { trajectory: object[] } } }[] };
  // No tool was called, and the ledger has every message all the same.
  expect(trials[0]?.trial.output.trajectory).toMatchObject([
    { role: 'user', content: expect.stringContaining(label) },
    { role: 'assistant', content: 'a lamp' },
    { role: 'user', content: 'Sure?' },
    { role: 'assistant', content: 'a lamp' },
  ]);

  const db = new Database(at('snapshots/lastgood.db'), { readonly: true });
  const key = Buffer.from(sha256(JSON.stringify(DATA)), 'hex');
  expect(db.prepare('SELECT count(*) FROM content WHERE sha256 = ?').pluck().get(key)).toBe(1);
  expect(
    db
      .prepare(
        'SELECT count(*) FROM case_version v, json_each(v.parts) p, content c WHERE p.value = c.id AND c.sha256 = ?',
      )
      .pluck()
      .get(key),
  ).toBe(2);
  db.close();

  // The same file imported elsewhere is the same file exported from there.
  expect((await run('export', 'latest', '--dir', 'out')).code).toBe(0);
  const [exported = ''] = await readdir(at('out'));
  const text = await readFile(at(`out/${exported}`), 'utf8');
  expect(text).toContain(DATA);
  await mkdir(at('elsewhere'));
  const there = (...args: string[]) => lastgoodHere(args, { cwd: at('elsewhere'), env });
  expect((await there('import', `../out/${exported}`)).code).toBe(0);
  expect((await there('export', 'latest', '--dir', 'back')).code).toBe(0);
  expect(await readFile(at(`elsewhere/back/${exported}`), 'utf8')).toBe(text);
  // A stored case with other bytes than its hash names is refused.
  await writeFile(at('broken.snapshot.jsonl'), text.replace(DATA, OTHER.toString('base64')));
  expect((await there('import', '../broken.snapshot.jsonl')).stderr).toContain(
    'does not have the hash it states',
  );

  // Another picture is another case.
  await writeFile(at('lamp.png'), OTHER);
  expect((await run('run', 'suite.yaml', '--release', 'release.yaml')).code).toBe(0);
  const compared = await run('diff', 'latest~1', 'latest');
  expect(compared.stdout + compared.stderr).toMatch(/edited/);

  await writeFile(at('gone.png'), PNG);
  expect((await run('forget', '--media', 'gone.png', '--dir', 'out', '--yes')).code).toBe(0);
  expect(await readFile(at(`out/${exported}`), 'utf8')).not.toContain(DATA);
  const left = await run('export', 'latest~1', '--dir', 'after');
  expect(left.code).toBe(0);
  expect(await readFile(at(`after/${exported}`), 'utf8')).toContain('[removed from the ledger]');
  expect((await run('show', 'latest~1', '--case', 'first')).stdout).toContain(label);
});

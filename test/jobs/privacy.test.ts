// What is written of a run: no secret anywhere, no text that a rule takes out, no text at all where none is wanted, and no call home.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPrivacy } from '../../src/engine/workplace/privacy.ts';
import { redactRuleSchema } from '../../src/engine/workplace/settings-schema.ts';
import { json, lastgood, lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const KEY = 'sk-canary-5b1f0c9e77aa42d8';
const HEADER = 'header-canary-91ab3de04c';
const PARAM = 'param-canary-6677fe12aa';
const MAIL = 'jane.roe@example.com';

/** A service that says aloud whatever it was told: in answers, in error bodies, in headers. */
const service = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part: string) => {
    body += part;
  });
  request.on('end', () => {
    const heard = `${request.headers.authorization} ${request.headers['x-team']} ${PARAM}`;
    const headers = {
      'content-type': 'application/json',
      'x-request-id': `req ${request.headers.authorization}`,
    };
    if (body.includes('boom')) {
      response.writeHead(400, headers);
      response.end(
        JSON.stringify({ error: { message: `bad: ${heard}`, type: 'invalid_request_error', code: 'x' } }),
      );
      return;
    }
    response.writeHead(200, headers);
    const content = JSON.stringify({ reply: `refund for ${MAIL}; you said ${heard}`, card: '4111-1111' });
    response.end(
      JSON.stringify({
        id: 'c1',
        object: 'chat.completion',
        model: 'gpt-4o-2024-11-20',
        system_fingerprint: `fp ${request.headers.authorization}`,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 5 },
      }),
    );
  });
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/v1`;
});
afterAll(() => {
  service.closeAllConnections();
  service.close();
});

async function world(folder: string, settings = ''): Promise<void> {
  await writeFile(
    join(folder, 'suite.yaml'),
    `name: refund-desk
cases:
  - { id: kettle, vars: { ticket: "Write to ${MAIL} about kettle 8812" }, grade: [{ contains: refund }] }
  - { id: boom, vars: { ticket: "boom" }, grade: [{ contains: refund }] }
`,
  );
  await writeFile(
    join(folder, 'release.yaml'),
    `name: refund-desk
route: { provider: openai, api: chat, model: gpt-4o-2024-11-20, base-url: "${url}" }
prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }
params: { provider-options: { metadata: { team: { desk: refunds } } } }
`,
  );
  if (settings !== '') await writeFile(join(folder, 'lastgood.yaml'), settings);
}

function run(folder: string, ...more: string[]): Promise<Outcome> {
  return lastgood(['run', folder, '--release', 'release.yaml', '--json', ...more], {
    cwd: folder,
    env: {
      OPENAI_API_KEY: KEY,
      TEAM_TOKEN: PARAM,
      OPENAI_CUSTOM_HEADERS: `x-team: ${HEADER}`,
      SOCKET_LOG: join(folder, 'sockets.txt'),
      NODE_OPTIONS: `--import ${join(ROOT, 'test/jobs/socket-watch.mjs')}`,
    },
  });
}

/** Every file under a folder, as bytes, but for what the test itself wrote. */
async function bytesUnder(folder: string): Promise<Buffer> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());
  const own = ['suite.yaml', 'release.yaml', 'lastgood.yaml', 'redact.mjs', 'sockets.txt'];
  return Buffer.concat(
    await Promise.all(
      files.filter((f) => !own.includes(f.name)).map((f) => readFile(join(f.parentPath, f.name))),
    ),
  );
}

/** The forms a secret may take on its way. */
function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
}

describe('secrets', () => {
  it('are in no byte of the ledger, its log, the exports, the reports and the output; and no other socket is opened', async () => {
    await using dir = await temporaryFolder();
    await world(dir.path);
    const outcome = await run(dir.path);
    const { id } = json<{ snapshot: { id: string } }>(outcome).snapshot;
    const outcomes = [
      outcome,
      await run(dir.path),
      await lastgood(['export', id, '--dir', 'snapshots'], { cwd: dir.path }),
      await lastgood(['show', id, '--case', 'kettle'], { cwd: dir.path }),
      await lastgood(['show', id, '--case', 'boom', '--json'], { cwd: dir.path }),
      await lastgood(['diff', 'latest~1', 'latest', '--format', 'html', '-o', 'report.html'], {
        cwd: dir.path,
      }),
      await lastgood(['diff', 'latest~1', 'latest', '--format', 'markdown', '-o', 'report.md'], {
        cwd: dir.path,
      }),
    ];
    const said = Buffer.from(outcomes.map((o) => o.stdout + o.stderr).join('\n'));
    const written = await bytesUnder(dir.path);
    expect(written.includes('you said')).toBe(true);
    for (const secret of [KEY, HEADER, PARAM]) {
      for (const form of formsOf(secret)) {
        expect(written.includes(form), `${form} in a file`).toBe(false);
        expect(said.includes(form), `${form} in the output`).toBe(false);
      }
    }
    const port = new URL(url).port;
    const sockets = new Set((await readFile(join(dir.path, 'sockets.txt'), 'utf8')).trim().split('\n'));
    expect([...sockets]).toEqual([`127.0.0.1:${port}`]);
  });

  it('that only a route names are in no case either, however their variable is called', async () => {
    await using dir = await temporaryFolder();
    const tenant = 'kettle-tenant-40817';
    const judge = 'judge-tenant-55210';
    await writeFile(
      join(dir.path, 'suite.yaml'),
      `name: refund-desk
judge: judge.yaml
cases:
  - { id: kettle, vars: { ticket: "I am ${tenant}, not ${judge}" }, grade: [{ contains: refund }, { judge: tone }] }
`,
    );
    const release = (name: string, variable: string): string =>
      `name: ${name}
route: { provider: http, url: "${url}/any", headers: { x-tenant: { env: ${variable} } }, body: { text: "{{ prompt }}" }, output: choices.0.message.content }
prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }
`;
    await writeFile(join(dir.path, 'release.yaml'), release('desk', 'ACME_TENANT'));
    await writeFile(
      join(dir.path, 'judge.yaml'),
      release('judge', 'JUDGE_TENANT').replace(
        'prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n',
        '',
      ),
    );
    const outcome = await lastgoodHere(['run', dir.path, '--release', 'release.yaml', '--json'], {
      cwd: dir.path,
      env: { ACME_TENANT: tenant, JUDGE_TENANT: judge },
    });
    const { id } = json<{ snapshot: { id: string } }>(outcome).snapshot;
    const shown = await lastgoodHere(['show', id, '--case', 'kettle'], { cwd: dir.path });
    const files = (await readdir(join(dir.path, 'snapshots'))).map((f) =>
      readFile(join(dir.path, 'snapshots', f)),
    );
    const written = Buffer.concat([
      ...(await Promise.all(files)),
      Buffer.from(outcome.stdout + shown.stdout),
    ]);
    expect(written.includes('I am [secret], not [secret]')).toBe(true);
    expect(written.includes(tenant)).toBe(false);
    expect(written.includes(judge)).toBe(false);
  });
});

describe('a secret in a release file', () => {
  it('is refused before anything is called or written, and not repeated', async () => {
    await using dir = await temporaryFolder();
    await world(dir.path);
    const file = join(dir.path, 'release.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('desk: refunds', `token: ${PARAM}`));
    const outcome = await run(dir.path);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('SECRET_IN_RELEASE');
    expect(outcome.stdout + outcome.stderr).not.toContain(PARAM);
    expect((await bytesUnder(dir.path)).includes(PARAM)).toBe(false);
  });

  it('of either arm of a comparison, of a judge, and of a judge that grades again', async () => {
    await using dir = await temporaryFolder();
    await world(dir.path);
    const good = await readFile(join(dir.path, 'release.yaml'), 'utf8');
    await mkdir(join(dir.path, 'own'));
    const leaky = good.replace('desk: refunds', `token: ${PARAM}`);
    await writeFile(join(dir.path, 'own/release.yaml'), leaky);
    const suite = await readFile(join(dir.path, 'suite.yaml'), 'utf8');
    const rubric =
      'judge: release.yaml\ndefaults: { grade: [{ rubric: [{ id: kind, ask: "Is it kind?" }] }] }\n';
    await writeFile(join(dir.path, 'judged.yaml'), suite + rubric);
    const [clean, secret] = ['release.yaml', 'own/release.yaml'];
    const env = { OPENAI_API_KEY: KEY, TEAM_TOKEN: PARAM };
    const compare = ['compare', '.', '--baseline-release'];
    // What the last command grades again; half of it fails, by design of this world.
    expect((await run(dir.path)).code).toBe(3);
    for (const command of [
      [...compare, clean, '--release', secret],
      [...compare, secret, '--release', clean],
      ['run', 'judged.yaml', '--release', clean, '--judge', secret],
      ['regrade', 'latest', '--suite', 'judged.yaml', '--judge', secret],
    ]) {
      const outcome = await lastgood(command, { cwd: dir.path, env });
      expect(outcome, command.join(' ')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('SECRET_IN_RELEASE'),
      });
      expect(outcome.stdout + outcome.stderr).not.toContain(PARAM);
    }
    expect((await bytesUnder(dir.path)).includes(PARAM)).toBe(false);
  });
});

describe('redaction', () => {
  it('takes a text out of prompts, answers and reasons before anything is written', async () => {
    await using dir = await temporaryFolder();
    await mkdir(join(dir.path, 'rules'));
    await writeFile(
      join(dir.path, 'rules/redact.mjs'),
      "export default (text) => text.replaceAll('8812', 'NNNN');\n",
    );
    await world(
      dir.path,
      `redact:
  - pattern: "[\\\\w.]+@[\\\\w.]+\\\\w"
    with: "[mail]"
  - json-path: card
  - module: rules/redact.mjs
`,
    );
    const outcome = await run(dir.path);
    expect(outcome.stderr).not.toContain('error');
    const { id, labels } = json<{ snapshot: { id: string; labels: Record<string, string> } }>(
      outcome,
    ).snapshot;
    expect(labels).toMatchObject({ 'redacted-cases': '1' });
    // Graded again from the file, whose cases are not redacted, with a reason that quotes what was asked.
    const file = join(dir.path, 'suite.yaml');
    const suite = (await readFile(file, 'utf8')).replaceAll(
      'contains: refund',
      'javascript: rules/quote.mjs',
    );
    const quote = 'export default ({ case: c }) => ({ pass: true, score: 1, reason: c.vars.ticket });';
    await writeFile(join(dir.path, 'rules/quote.mjs'), quote);
    await writeFile(file, suite);
    const again = await lastgood(['regrade', id, '--suite', 'suite.yaml', '--json'], { cwd: dir.path });
    expect(json<{ snapshot: { labels: object } }>(again).snapshot.labels).toMatchObject({
      'redacted-cases': '1',
    });
    for (const ref of [id, 'latest']) {
      const exported = await lastgood(['export', ref, '--dir', 'out'], { cwd: dir.path });
      expect(exported.code).toBe(0);
    }
    const written = (await bytesUnder(dir.path)).toString('latin1');
    for (const gone of [MAIL, 'jane.roe', '8812', '4111-1111']) expect(written).not.toContain(gone);
    expect(written).toContain('refund for [mail]');
    const resumed = await lastgood(['run', '--resume', id], { cwd: dir.path, env: { OPENAI_API_KEY: KEY } });
    expect(resumed.stderr).toContain('RESUME_REDACTED');
  });

  it('keeps scores and hashes only where no text is wanted', async () => {
    await using dir = await temporaryFolder();
    await world(dir.path);
    const whole = json<{ snapshot: { id: string; passRate: number } }>(await run(dir.path)).snapshot;
    const scores = json<{ snapshot: { id: string; passRate: number; exam: string } }>(
      await run(dir.path, '--db', 'scores.db', '--store', 'scores'),
    ).snapshot;
    expect(scores.passRate).toBe(whole.passRate);
    for (const name of (await readdir(dir.path)).filter((n) => n.startsWith('scores.db'))) {
      const bytes = await readFile(join(dir.path, name));
      for (const text of ['jane.roe', 'kettle 8812', 'you said'])
        expect(bytes.includes(text), name).toBe(false);
    }
    const hashOf = async (id: string, db: string): Promise<string | null> => {
      const shown = await lastgood(['export', id, '--db', db, '--dir', `x-${db}`], { cwd: dir.path });
      expect(shown.code).toBe(0);
      const { openLedger } = await import('../../src/ledger/index.ts');
      const ledger = await openLedger(join(dir.path, db));
      const results = await ledger.results(id);
      await ledger.close();
      return results.cases.find((c) => c.id === 'kettle')?.trials[0]?.outputHash ?? null;
    };
    expect(await hashOf(scores.id, 'scores.db')).toBe(await hashOf(whole.id, 'snapshots/lastgood.db'));
  });

  it('refuses rules that cannot be used', async () => {
    await expect(readPrivacy([{ pattern: '(' }], 'all')).rejects.toMatchObject({ code: 'REDACT_PATTERN' });
    await expect(readPrivacy([{ module: '/nowhere/redact.mjs' }], 'all')).rejects.toMatchObject({
      code: 'REDACT_MODULE',
    });
    expect(await readPrivacy([], 'all')).toBeNull();
    for (const path of ['a..b', 'items[*].name', '$[0]', '.a'])
      expect(redactRuleSchema.safeParse({ 'json-path': path }).success, path).toBe(false);
    for (const path of ['a', '$.a.b', 'items.*.name', 'items.0.first-name'])
      expect(redactRuleSchema.safeParse({ 'json-path': path }).success, path).toBe(true);
  });

  it.each([
    { what: 'throws', body: "throw new Error('not ' + text)", code: 'REDACT_MODULE' },
    { what: 'gives back nothing', body: 'return', code: 'REDACT_MODULE' },
    { what: 'never ends', body: 'for (;;);', code: 'REDACT_TIMEOUT' },
  ])(
    'ends with a sentence that does not repeat the text where a rule $what',
    async ({ what, body, code }) => {
      await using dir = await temporaryFolder();
      const module = join(dir.path, 'rule.mjs');
      await writeFile(module, `export default (text) => { ${body}; };\n`);
      const rules = await readPrivacy([{ module }], 'all', 100);
      const said = (): unknown => {
        try {
          return rules?.message('Jane Roe');
        } catch (error) {
          return error;
        }
      };
      expect(said(), what).toMatchObject({ code, exitCode: 4, message: expect.not.stringContaining('Jane') });
    },
    20_000,
  );

  it('ends an expression that backtracks without end', async () => {
    const rules = await readPrivacy([{ pattern: '(a+)+$' }], 'all', 100);
    expect(() => rules?.message(`${'a'.repeat(50_000)}!`)).toThrow('within 0.1 s');
    // And what comes after it is redacted as ever.
    expect(rules?.message('baa')).toBe('b[redacted]');
  });
});

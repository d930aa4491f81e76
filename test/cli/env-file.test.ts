// `.env` comes with whatever was checked out: it gives keys, and never says where calls go.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withEnvFile } from '../../src/cli/terminal/env-file.ts';
import { lastgood, temporaryFolder } from './lastgood.ts';

test('keys are taken, what is set already stays, and addresses, proxies and headers are left out', async () => {
  await using dir = await temporaryFolder();
  const file = join(dir.path, '.env');
  await writeFile(
    file,
    [
      'OPENAI_API_KEY=sk-file',
      'OPENAI_API_KEY_EU="sk-eu"',
      'GATEWAY_TOKEN=tok',
      'SHOP_PASSWORD=pw',
      'ALERT_WEBHOOK_URL=https://hooks.example/T0',
      'ANTHROPIC_API_KEY=sk-file',
      'OPENAI_BASE_URL=https://evil.example/v1',
      'LASTGOOD_DB=postgres://evil.example/all',
      'ANTHROPIC_BASE_URL=https://evil.example',
      'https_proxy=http://evil.example:1',
      'NO_PROXY=*',
      'TOKEN_PROXY=http://evil.example:1',
      'OPENAI_CUSTOM_HEADERS=x: y',
      'OPENAI_ORG_ID=org-evil',
      'NODE_EXTRA_CA_CERTS=evil.pem',
      'NODE_TLS_REJECT_UNAUTHORIZED=0',
      'PATH=/evil',
      'PORT=3000',
    ].join('\n'),
  );
  const { environment, ignored } = withEnvFile({ ANTHROPIC_API_KEY: 'sk-own', PATH: '/bin' }, file);
  expect(environment).toEqual({
    PATH: '/bin',
    ANTHROPIC_API_KEY: 'sk-own',
    OPENAI_API_KEY: 'sk-file',
    OPENAI_API_KEY_EU: 'sk-eu',
    GATEWAY_TOKEN: 'tok',
    SHOP_PASSWORD: 'pw',
    ALERT_WEBHOOK_URL: 'https://hooks.example/T0',
  });
  expect([...ignored].sort()).toEqual([
    'ANTHROPIC_BASE_URL',
    'LASTGOOD_DB',
    'NODE_EXTRA_CA_CERTS',
    'NODE_TLS_REJECT_UNAUTHORIZED',
    'NO_PROXY',
    'OPENAI_BASE_URL',
    'OPENAI_CUSTOM_HEADERS',
    'OPENAI_ORG_ID',
    'TOKEN_PROXY',
    'https_proxy',
  ]);
});

test('the command says what it leaves out, and ends where .env cannot be read', async () => {
  await using dir = await temporaryFolder();
  await writeFile(
    join(dir.path, '.env'),
    'OPENAI_BASE_URL=http://127.0.0.1:1/v1\nOPENAI_API_KEY=sk-file-0123456789\n',
  );
  const said = await lastgood(['list', '--help'], { cwd: dir.path });
  expect(said.code).toBe(0);
  expect(said.stderr).toContain('.env sets OPENAI_BASE_URL');
  expect(said.stderr).not.toContain('127.0.0.1');
  await using odd = await temporaryFolder();
  await mkdir(join(odd.path, '.env'));
  const folder = await lastgood(['list', '--help'], { cwd: odd.path });
  expect(folder).toMatchObject({ code: 4, stderr: expect.stringContaining('[ENV_FILE_UNREADABLE]') });
});

// What a run that went wrong says of it: why, without a text that must not be kept; and what refuses it leaves nothing behind.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deskCases, type HelpDesk, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

/** A help desk of two cases whose service refuses everything with this status and message. */
function refused(status: number, message: string, cases?: readonly object[]): Promise<HelpDesk> {
  return answering(status, { error: { message, type: 'invalid_request_error' } }, cases);
}

async function answering(status: number, body: object, cases?: readonly object[]): Promise<HelpDesk> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const route = {
    ...{ provider: 'openai', api: 'responses', model: MODEL },
    'base-url': `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
  };
  return helpDesk({
    cases: cases ?? deskCases().slice(0, 2),
    suite: { trials: 1 },
    releases: { good: openaiRelease(), refused: openaiRelease({ route }) },
  });
}

const run = (release: string) => ['run', 'suite.yaml', '--release', `releases/${release}.yaml`];

describe('a run says why', () => {
  it('its trials failed', async () => {
    const d = await refused(400, 'the prompt is too long by half');
    const { code, stdout } = await d.cli(...run('refused'), '--max-attempts', '1');
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /2 of 2 trials failed .*, most often bad_request: 400 the prompt is too long by half/,
    );
  });

  it('its answers could not be graded', async () => {
    const javascript = { file: 'grader.mjs' };
    const d = await refused(400, '', [{ ...deskCases()[0], grade: [{ javascript }] }]);
    await d.write('grader.mjs', "export default () => { throw new Error('no such rule') };");
    const { stdout } = await d.cli(...run('good'));
    expect(stdout).toMatch(/1 of 1 trials .* not be graded, most often javascript: .*no such rule/);
  });

  it.each([
    { settings: 'redact: [{ pattern: Jane }]\n', said: '403 no access for [redacted]' },
    { settings: 'store: scores\n', said: '[not stored]' },
  ])('it was refused, in the words that may be kept: $settings', async ({ settings, said }) => {
    const d = await refused(403, 'no access for Jane');
    await d.write('lastgood.yaml', settings);
    const { code, stdout, json } = await d.cli(...run('refused'), '--json');
    expect(code).toBe(3);
    expect(stdout).not.toContain('Jane');
    expect(json.snapshot.validityReasons).toContain(
      `2 of 2 trials failed (provider, network or time limit), most often forbidden: ${said}`,
    );
  });
});

describe('nothing is begun, and nothing called,', () => {
  it('where a cost limit could not be kept', async () => {
    const d = await refused(400, '');
    expect(await d.cli(...run('good'), '--max-cost', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('COST_UNKNOWN'),
    });
    const arms = ['--baseline-release', 'releases/good.yaml', '--release', 'releases/refused.yaml'];
    expect(await d.cli('compare', 'suite.yaml', ...arms, '--max-cost', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('COST_UNKNOWN'),
    });
    expect((await d.cli('list', '--all')).stdout).toContain('No snapshots yet');
  });

  it('where an estimate of a resumed run is asked for', async () => {
    const d = await refused(403, '');
    const { id } = (await d.cli(...run('refused'), '--json')).json.snapshot;
    const before = (await d.cli('show', id, '--json')).json.snapshot;
    expect(await d.cli('run', '--resume', id, '--dry-run')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('RESUME_DRY_RUN'),
    });
    expect(await d.cli('run', '--resume', id, '--max-cost', '1')).toMatchObject({ code: 2 });
    expect((await d.cli('show', id, '--json')).json.snapshot).toEqual(before);
  });
});

it('a run costs what the tier costs that served it', async () => {
  const reply = {
    ...{ id: 'r', object: 'response', status: 'completed', model: MODEL, service_tier: 'flex' },
    output: [
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
      },
    ],
    usage: { input_tokens: 1_000_000, output_tokens: 0, total_tokens: 1_000_000 },
  };
  const d = await answering(200, reply, deskCases().slice(0, 1));
  const price = '{ input: 2, output: 8 }';
  const spent = async (tiers: string) => {
    await d.write('prices.yaml', `as-of: 2026-02-28\nmodels:\n  gpt-*: { input: 4, output: 8${tiers} }\n`);
    return (await d.cli(...run('refused'), '--prices', 'prices.yaml', '--json')).json.snapshot.costUsd;
  };
  expect(await spent(`, tiers: { flex: ${price} }`)).toBe(2);
  expect(await spent('')).toBeNull();
});

it('an estimate tells of which day its prices are', async () => {
  const d = await refused(400, '');
  const prices = (asOf: string) =>
    d.write('prices.yaml', `as-of: ${asOf}\nmodels: { "*": { input: 1, output: 1 } }\n`);
  const estimate = () => d.cli(...run('good'), '--dry-run', '--prices', 'prices.yaml');
  await prices('2026-02-28');
  expect((await estimate()).stdout).toContain('by prices as of 2026-02-28');
  await prices('2026-02-30');
  expect(await estimate()).toMatchObject({ code: 2, stderr: expect.stringContaining('PRICES_BAD_VALUE') });
});

it('a resumed run says what cannot change it', async () => {
  const d = await refused(403, '');
  const { id } = (await d.cli(...run('refused'), '--json')).json.snapshot;
  const { stderr } = await d.cli(...run('good'), '--trials', '2', '--resume', id, '--max-calls', '9');
  expect(stderr).toContain('SUITE, --release, --trials have no effect [RESUME_AS_STORED]');
});

// A gateway answers with another model than the fixed one that was asked for: a finding, and with --require-pinned an invalid run.

import { expect, it } from 'vitest';
import { WireServer } from '../provider/wire-server.ts';
import { helpDesk } from './help-desk.ts';

async function desk(served: string) {
  const server = await WireServer.start({
    'POST /v1/chat/completions': () => ({
      body: {
        model: served,
        choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'Paid.' } }],
      },
    }),
  });
  const release = {
    route: { provider: 'openai', api: 'chat', model: 'gpt-4o-2024-11-20', 'base-url': `${server.url}/v1` },
    prompt: { messages: [{ role: 'user', content: '{{ question }}' }] },
  };
  const d = await helpDesk({
    suite: { trials: 2 },
    cases: Array.from({ length: 6 }, (_, i) => ({
      id: `paid-${i}`,
      vars: { question: `Where is parcel ${i}?` },
      grade: [{ contains: 'Paid' }],
    })),
    releases: { fixed: release, other: { ...release, params: { temperature: 0 } } },
  });
  return { d, server };
}

const FINDING = {
  code: 'SERVED_OTHER_MODEL',
  message: 'the release names "gpt-4o-2024-11-20", and what was served is "gpt-3.5-turbo-0125"',
};
const RUN = ['run', 'suite.yaml', '--release', 'releases/fixed.yaml', '--no-preflight'];

it('another model is reported and doubtful as a baseline; with --require-pinned the run is invalid', async () => {
  const { d, server } = await desk('gpt-3.5-turbo-0125');
  const plain = await d.cli(...RUN, '--json');
  expect(plain.code).toBe(0);
  expect(plain.json.snapshot).toMatchObject({ validity: 'valid', findings: [FINDING] });
  expect((await d.cli(...RUN)).stdout).toContain('[SERVED_OTHER_MODEL]');
  const blessed = await d.cli('bless', plain.json.snapshot.id, '--by', 'ada', '--why', 'read by hand');
  expect(blessed).toMatchObject({ code: 2, stderr: expect.stringContaining('gpt-3.5-turbo-0125') });

  const strict = await d.cli(...RUN, '--json', '--require-pinned');
  expect(strict.code).toBe(3);
  expect(strict.json.snapshot).toMatchObject({
    validity: 'invalid',
    validityReasons: [`${FINDING.message} (--require-pinned)`],
    findings: [FINDING],
  });
  const compared = await d.cli(
    ...['compare', 'suite.yaml', '--baseline-release', 'releases/fixed.yaml', '--release'],
    ...['releases/other.yaml', '--require-pinned', '--no-preflight', '--json'],
  );
  expect(compared.code).toBe(3);
  await server[Symbol.asyncDispose]();
});

it('the model that was asked for is no finding', async () => {
  const { d, server } = await desk('gpt-4o-2024-11-20');
  const strict = await d.cli(...RUN, '--json', '--require-pinned');
  expect(strict.code).toBe(0);
  expect(strict.json.snapshot).toMatchObject({ validity: 'valid', findings: [] });
  await server[Symbol.asyncDispose]();
});

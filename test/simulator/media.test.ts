// Requests with images, files, cache marks and hosted tools: the simulator reads their texts, on all three wire formats.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { mediaAt } from '../../src/core/media.ts';
import { createProvider } from '../../src/provider/index.ts';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { PDF, PNG } from '../fixtures/media.ts';
import { context, patience, refundBot, ticket } from '../provider/worlds.ts';

const scenario = parseScenario(
  JSON.stringify({
    name: 'pictures',
    versions: { steady: { skill: 1 } },
    models: [
      { id: 'gpt-4o-2024-11-20', provider: 'openai', version: 'steady' },
      { id: 'claude-sonnet-4-5-20250929', provider: 'anthropic', version: 'steady' },
    ],
    knowledge: [{ match: 'What is on the picture', right: 'A lamp.', wrong: ['A chair.'] }],
  }),
);

test('images, files, cache marks and hosted tools are taken on all APIs', async () => {
  const simulator = await startSimulator({ scenario });
  try {
    const routes: readonly (JsonObject & { provider: 'openai' | 'anthropic' })[] = [
      { provider: 'openai', api: 'responses', model: 'gpt-4o-2024-11-20' },
      { provider: 'openai', api: 'chat', model: 'gpt-4o-2024-11-20' },
      { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929' },
    ];
    for (const route of routes) {
      const base = route.provider === 'openai' ? simulator.openaiBaseUrl : simulator.anthropicBaseUrl;
      const provider = await createProvider(refundBot({ ...route, 'base-url': base }), context());
      const messages = [
        {
          role: 'system' as const,
          content: 'Be short.',
          parts: [{ text: 'Be short.', cache: true as const }],
        },
        {
          role: 'user' as const,
          content: 'What is on the picture?',
          parts: [
            { text: 'What is on the picture?' },
            { media: mediaAt('image', `data:image/png;base64,${PNG.toString('base64')}`, undefined) },
            { media: mediaAt('file', `data:application/pdf;base64,${PDF.toString('base64')}`, 'a.pdf') },
          ],
        },
      ];
      const tools = [{ name: 'web_search', hosted: { type: 'web_search', name: 'web_search' } }];
      const reply = await provider.call(ticket({ messages, tools }), patience());
      await provider.close?.();
      expect(reply).toMatchObject({ kind: 'answered', output: { text: 'A lamp.' } });
    }
  } finally {
    await simulator.close();
  }
});

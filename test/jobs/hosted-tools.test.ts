// Tools that a service runs itself: passed through, their calls and results stored, and what the API cites kept beside the answer.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { type Script, WireServer } from '../provider/wire-server.ts';

const TOKEN = 'mcp-canary-5b1f0c9e77aa';

/** One case of one release: the stored trial, what was printed and what was asked. */
async function run(route: Record<string, Script>, release: string, suite: string) {
  await using dir = await temporaryFolder();
  await using server = await WireServer.start(route);
  const env = {
    BASE: server.url,
    BASE_V1: `${server.url}/v1`,
    OPENAI_API_KEY: 'none',
    ANTHROPIC_API_KEY: 'none',
    SHOP_TOKEN: TOKEN,
  };
  const cli = (...args: string[]) => lastgoodHere(args, { cwd: dir.path, env });
  await writeFile(join(dir.path, 'suite.yaml'), suite);
  await writeFile(join(dir.path, 'r.yaml'), release);
  const ran = await cli('run', 'suite.yaml', '--release', 'r.yaml', '--no-preflight');
  expect(ran.code, ran.stderr + ran.stdout).toBe(0);
  const shown = await cli('show', 'latest', '--case', 'law', '--json');
  expect(shown.stdout).not.toContain(TOKEN);
  const { trials } = json(shown) as unknown as { trials: { trial: JsonObject & { output: JsonObject } }[] };
  const exported = await cli('export', 'latest', '--dir', 'out');
  expect(exported.code, exported.stderr).toBe(0);
  const text = (await cli('show', 'latest', '--case', 'law')).stdout;
  return { trial: trials[0]?.trial, text, bodies: server.requests.map(({ body }) => body) };
}

const SUITE = `name: law
cases:
  - { id: law, vars: { q: How long? }, grade: [{ contains: "14" }, { tool-called: web_search }, { max-steps: 1 }] }
`;

test('responses: web search and MCP run at the service; calls, results and annotations are stored', async () => {
  const citation = { type: 'url_citation', url: 'https://law.example/refund', start_index: 0, end_index: 4 };
  const { trial, text, bodies } = await run(
    {
      'POST /v1/responses': () => ({
        body: {
          object: 'response',
          status: 'completed',
          model: 'gpt-5-2026-04-01',
          output: [
            { type: 'mcp_list_tools', server_label: 'shop', tools: [] },
            {
              type: 'web_search_call',
              id: 'ws_1',
              action: { type: 'search', query: 'refund', sources: [{ url: 'https://law.example' }] },
            },
            {
              type: 'mcp_call',
              id: 'm_1',
              server_label: 'shop',
              name: 'find_order',
              arguments: '{"id":3}',
              output: 'paid',
              error: null,
            },
            {
              type: 'mcp_call',
              id: 'm_2',
              server_label: 'shop',
              name: 'find_order',
              arguments: '{"id":4}',
              output: null,
              error: 'no such order',
            },
            {
              type: 'message',
              content: [
                {
                  type: 'output_text',
                  text: '14 days',
                  annotations: [citation],
                  logprobs: [{ token: '14', logprob: -0.1 }],
                },
              ],
            },
          ],
        },
      }),
    },
    `route: { provider: openai, model: gpt-5-2026-04-01, base-url: { env: BASE_V1 } }
prompt: { messages: [{ role: user, content: "{{ q }}" }] }
tools:
  definitions:
    - { type: web_search, filters: { allowed_domains: [law.example] } }
    - { type: mcp, server_label: shop, server_url: "https://mcp.example", authorization: { env: SHOP_TOKEN, prefix: "Bearer " } }
    - { type: mcp, server_label: mail, server_url: "https://mail.example" }
    - { name: refund, parameters: { type: object } }
params: { provider-options: { include: [message.output_text.logprobs], top_logprobs: 1 } }
`,
    SUITE,
  );
  expect(bodies[0]?.['tools']).toEqual([
    { type: 'web_search', filters: { allowed_domains: ['law.example'] } },
    {
      type: 'mcp',
      server_label: 'shop',
      server_url: 'https://mcp.example',
      authorization: `Bearer ${TOKEN}`,
    },
    { type: 'mcp', server_label: 'mail', server_url: 'https://mail.example' },
    expect.objectContaining({ type: 'function', name: 'refund' }),
  ]);
  expect(bodies[0]?.['include']).toEqual(['message.output_text.logprobs']);
  expect(trial?.output).toMatchObject({
    text: '14 days',
    citations: [citation],
    logprobs: [{ token: '14', logprob: -0.1 }],
    trajectory: [
      {
        role: 'assistant',
        content: '14 days',
        toolCalls: [
          { id: 'call_1', name: 'web_search' },
          { id: 'call_2', name: 'find_order' },
          { id: 'call_3', name: 'find_order' },
        ],
      },
      { role: 'tool', toolCallId: 'call_1', name: 'web_search', content: '[{"url":"https://law.example"}]' },
      { role: 'tool', toolCallId: 'call_2', content: 'paid' },
      { role: 'tool', toolCallId: 'call_3', content: 'no such order', error: true },
    ],
  });
  expect(text).toContain('release calls: web_search(');
  expect(text).toContain('find_order fails: no such order');
  expect(text).toContain('cites: {');
  expect(text).toContain('log probabilities are stored');
});

test('messages: server tools beside canned ones, in turns; results without what only the service can read', async () => {
  const found = {
    type: 'web_search_tool_result',
    tool_use_id: 's1',
    content: [{ type: 'web_search_result', url: 'https://law.example', encrypted_content: 'xxx' }],
  };
  const cited = { type: 'web_search_result_location', url: 'https://law.example', cited_text: '14 days' };
  const replies: readonly JsonObject[] = [
    {
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'Search.', signature: 'sig' },
        { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'refund' } },
        found,
        { type: 'tool_use', id: 't1', name: 'lookup', input: { id: 3 } },
      ],
    },
    {
      stop_reason: 'end_turn',
      content: [
        { type: 'text', text: 'You have ' },
        { type: 'text', text: '14 days.', citations: [cited] },
      ],
    },
  ];
  let n = 0;
  const { trial, bodies } = await run(
    { 'POST /v1/messages': () => ({ body: replies[n++] as JsonObject }) },
    `route: { provider: anthropic, model: claude-opus-4-6, base-url: { env: BASE } }
tools:
  definitions:
    - { type: web_search_20260318, name: web_search, max_uses: 2 }
    - { name: lookup, parameters: { type: object } }
`,
    `name: law
cases:
  - id: law
    turns: [How long?]
    tools: [{ name: lookup, result: paid }]
    grade: [{ contains: "14" }, { tool-called: web_search }, { max-steps: 2 }]
`,
  );
  expect(bodies[0]?.['tools']).toMatchObject([
    { type: 'web_search_20260318', name: 'web_search', max_uses: 2 },
    { name: 'lookup' },
  ]);
  // The reply goes back as it came, thinking, search and all.
  expect(bodies[1]?.['messages']).toEqual([
    { role: 'user', content: 'How long?' },
    { role: 'assistant', content: replies[0]?.['content'] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'paid' }] },
  ]);
  expect(trial?.output).toMatchObject({
    text: 'You have 14 days.',
    citations: [cited],
    trajectory: [
      { role: 'user' },
      { role: 'assistant', toolCalls: [{ name: 'web_search' }, { name: 'lookup' }] },
      {
        role: 'tool',
        name: 'web_search',
        toolCallId: 'call_1',
        content: '[{"type":"web_search_result","url":"https://law.example"}]',
      },
      { role: 'tool', name: 'lookup', toolCallId: 'call_2', content: 'paid' },
      { role: 'assistant', content: 'You have 14 days.' },
    ],
  });
});

test('a hosted tool whose variable is not set is an error before any call', async () => {
  await using dir = await temporaryFolder();
  await writeFile(join(dir.path, 'suite.yaml'), SUITE);
  await writeFile(
    join(dir.path, 'r.yaml'),
    `route: { provider: openai, model: gpt-5-2026-04-01 }
prompt: { messages: [{ role: user, content: "{{ q }}" }] }
tools: { definitions: [{ type: mcp, server_label: shop, server_url: "https://mcp.example", authorization: { env: SHOP_TOKEN } }] }
`,
  );
  const ran = await lastgoodHere(['run', 'suite.yaml', '--release', 'r.yaml'], {
    cwd: dir.path,
    env: { OPENAI_API_KEY: 'none' },
  });
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('environment variable SHOP_TOKEN is not set');
});

// Messages of a case: variables are filled in or refused, and turns pasted from an API's reply are taken.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { literalText } from '../../src/base/template-text.ts';
import { problemsOf, suiteOf } from './world.ts';

const suite = (lines: readonly object[]): Record<string, string> => ({
  'suite.yaml': 'name: refund-bot\ndefaults: { grade: [{ contains: refund }] }\ncases: [cases.jsonl]\n',
  'cases.jsonl': lines.map((line) => JSON.stringify(line)).join('\n'),
});
const user = (content: string) => [{ role: 'user', content }];

async function messagesOf(fields: object): Promise<unknown> {
  return (await suiteOf(suite([{ id: 'a', ...fields }]))).cases.at(0)?.messages;
}

test('variables of the case are filled into its messages, by their name or under vars', async () => {
  const vars = { order: 8812, name: 'Ada', lines: ['lamp'] };
  expect(
    await messagesOf({
      vars,
      messages: [
        { role: 'system', content: 'You serve {{ vars.name }}.' },
        { role: 'user', content: 'Where is {{order}}? {{ lines }} {% if name == "Ada" %}Hi{% endif %}' },
      ],
    }),
  ).toEqual([
    { role: 'system', content: 'You serve Ada.' },
    { role: 'user', content: 'Where is 8812? ["lamp"] Hi' },
  ]);
});

test('what is filled in is what the case is: its hash is that of the text that is sent', async () => {
  const filled = await suiteOf(suite([{ id: 'a', vars: { n: '1' }, messages: user('Order {{ n }}') }]));
  const plain = await suiteOf(suite([{ id: 'a', vars: { n: '1' }, messages: user('Order 1') }]));
  const other = await suiteOf(suite([{ id: 'a', vars: { n: '2' }, messages: user('Order {{ n }}') }]));
  expect(filled.cases.at(0)?.contentHash).toBe(plain.cases.at(0)?.contentHash);
  expect(filled.cases.at(0)?.contentHash).not.toBe(other.cases.at(0)?.contentHash);
});

test('a variable that is not there is refused with the case and the way to write braces', async () => {
  for (const vars of [{}, { order: 1 }])
    expect(
      await problemsOf(
        suite([
          { id: 'b', messages: user('ok') },
          { id: 'a', vars, messages: user('{{ nmae }}') },
        ]),
      ),
    ).toMatchObject([
      {
        code: 'TEMPLATE_VARIABLE_MISSING',
        where: { caseId: 'a', line: 2, key: 'messages[0].content' },
        message: expect.stringMatching(/^a message of the case asks for "nmae"/),
        hint: expect.stringContaining('{% raw %}'),
      },
    ]);
  expect(await problemsOf(suite([{ id: 'a', messages: user('{{ name }} {{ 1 + }}') }]))).toMatchObject([
    { code: 'TEMPLATE_SYNTAX', where: { caseId: 'a' } },
  ]);
});

test.each([
  'Is {{1,2}} a set of sets?',
  '\\frac{{1}}{{2}} and {"a":{"b":{}}}',
  '{{ not a template }}',
  '100 {% off',
  '{{ 7*7 }} {{ }}',
])('%s is text', async (content) => {
  expect(await messagesOf({ messages: user(content) })).toEqual(user(content));
});

test('text between raw and endraw is sent without them', async () => {
  expect(await messagesOf({ messages: user('Why does {% raw %}{{ name }}{% endraw %} not work?') })).toEqual(
    user('Why does {{ name }} not work?'),
  );
});

test('law: a text written as literal is read as it was', async () => {
  const piece = fc.constantFrom(
    '{{ name }}',
    '{% raw %}',
    '{% endraw %}',
    '{%- endraw -%}',
    '{%',
    '%}',
    ' x ',
    '{{',
  );
  const text = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      expect(await messagesOf({ messages: user(literalText(content)) })).toEqual(user(content));
    }),
    { numRuns: 60 },
  );
});

test('turns pasted from the replies of APIs are taken', async () => {
  expect(
    await messagesOf({
      messages: [
        { role: 'user', content: 'Where is my money?' },
        {
          role: 'assistant',
          content: null,
          refusal: null,
          annotations: [],
          audio: null,
          function_call: null,
          reasoning_content: null,
          tool_calls: [
            {
              index: 0,
              id: 'c1',
              type: 'function',
              function: { name: 'find_order', arguments: '{"order":1}' },
            },
            { id: 'c2', type: 'custom', custom: { name: 'run_sql', input: 'select 1' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'paid' },
        { role: 'assistant', content: null, refusal: 'I cannot say.', annotations: null },
        {
          id: 'msg_1',
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'It is on ', annotations: [], logprobs: [] },
            { type: 'output_text', text: 'its way.' },
          ],
        },
      ],
    }),
  ).toEqual([
    { role: 'user', content: 'Where is my money?' },
    {
      role: 'assistant',
      content: '',
      toolCalls: [
        { id: 'c1', name: 'find_order', args: { order: 1 } },
        { id: 'c2', name: 'run_sql', args: 'select 1' },
      ],
    },
    { role: 'tool', content: 'paid', toolCallId: 'c1' },
    { role: 'assistant', content: 'I cannot say.' },
    { role: 'assistant', content: 'It is on its way.' },
  ]);
  // What could not be sent is not taken in silence.
  expect(
    await problemsOf(
      suite([{ id: 'a', messages: [{ role: 'assistant', content: null, audio: { id: 'audio_1' } }] }]),
    ),
  ).toHaveLength(1);
});

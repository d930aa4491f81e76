// A loopback service whose answers follow from the question alone, for promptfoo and lastgood alike.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `SAY:text` is answered with the text, `CUT:text` the same cut off by the limit, `CALL:a,b` with calls of these tools. */
function answerOf(question: string): { text: string | null; finish: string; tools: string[] } {
  const [, word, rest = ''] = /^(SAY|CUT|CALL):([\s\S]*)$/.exec(question) ?? [];
  if (word === 'CALL') return { text: null, finish: 'tool_calls', tools: rest.split(',') };
  if (word === 'CUT') return { text: rest, finish: 'length', tools: [] };
  return { text: word === 'SAY' ? rest : question, finish: 'stop', tools: [] };
}

/** As a judge it finds every answer good that says "please", in the words of whoever asks. */
function verdictOf(prompt: string): string {
  const listed = /^CRITERIA\n(\[.*\])$/m.exec(prompt)?.[1];
  const pass = prompt.includes('please');
  if (listed === undefined)
    return JSON.stringify({ reason: 'it looked for a word', pass, score: pass ? 1 : 0 });
  const criteria = (JSON.parse(listed) as { id: string }[]).map(({ id }) => ({
    id,
    reason: 'it looked for a word',
    verdict: pass ? 'yes' : 'no',
  }));
  return JSON.stringify({ criteria });
}

/** Counts of letters: texts of the same letters are near each other. */
function vectorOf(text: string): number[] {
  const counts = Array.from({ length: 26 }, () => 0.01);
  for (const c of text.toLowerCase()) {
    const at = c.charCodeAt(0) - 97;
    if (at >= 0 && at < 26) counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('') : '';
}

interface Sent {
  readonly model?: string;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
  readonly input?: string | readonly string[];
  readonly question?: string;
  readonly encoding_format?: string;
}

function replyTo(path: string, sent: Sent): unknown {
  if (path.endsWith('/embeddings')) {
    const texts = typeof sent.input === 'string' ? [sent.input] : (sent.input ?? []);
    const encode = (v: number[]): unknown =>
      sent.encoding_format === 'base64' ? Buffer.from(new Float32Array(v).buffer).toString('base64') : v;
    return {
      object: 'list',
      model: sent.model,
      data: texts.map((text, index) => ({ object: 'embedding', index, embedding: encode(vectorOf(text)) })),
      usage: { prompt_tokens: 1, total_tokens: 1 },
    };
  }
  if (path.endsWith('/app')) return { reply: { text: answerOf(sent.question ?? '').text } };
  const question = textOf(sent.messages?.at(-1)?.content);
  const whole = (sent.messages ?? []).map((m) => textOf(m.content)).join('\n');
  const { text, finish, tools } =
    sent.model === 'judge-x' ? { text: verdictOf(whole), finish: 'stop', tools: [] } : answerOf(question);
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_770_000_000,
    model: sent.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text,
          ...(tools.length === 0
            ? {}
            : {
                tool_calls: tools.map((name, i) => ({
                  id: `c${i}`,
                  type: 'function',
                  function: { name, arguments: '{}' },
                })),
              }),
        },
        finish_reason: finish,
      },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
  };
}

/** Starts the service; `url` ends without a slash. */
export async function answerServer(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(replyTo(request.url ?? '', JSON.parse(body || '{}') as Sent)));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}

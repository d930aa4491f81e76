// The three wire formats the stand-in speaks, and what a judge of it says.

import { createHash } from 'node:crypto';

export type Wire = 'chat' | 'responses' | 'messages';

/** A request as the stand-in reads it. */
export interface Asked {
  readonly wire: Wire;
  readonly model: string;
  /** The last message. */
  readonly prompt: string;
  /** Ids of the criteria when it is a judge that is asked. */
  readonly criteria: readonly string[] | null;
  /** The case it is about: `case 12` for a subject call, also for the judging of its answer. */
  readonly about: string;
}

/** What is to be said, in whatever format. */
export interface Said {
  readonly text: string;
  readonly stop: 'stop' | 'length';
  readonly number: number;
}

const WORDS =
  'amber basin cedar delta ember fjord grove haven inlet jetty knoll ledge marsh north ocean pines'.split(
    ' ',
  );

/** The answer to a prompt: about 290 bytes that name its case. */
export function answerTo(prompt: string): string {
  const digest = createHash('sha256').update(prompt).digest();
  const id = /case (\d+)/.exec(prompt)?.[1] ?? '?';
  let text = `ANSWER-${digest.toString('hex').slice(0, 8)} case ${id}:`;
  for (let i = 0; text.length < 280; i++) text += ` ${WORDS[(digest[i % 32] as number) % WORDS.length]}`;
  return text;
}

/** A judge's verdict that names its case in the reason: yes to everything. */
export function verdictOn(asked: Asked): string {
  const criteria = (asked.criteria ?? []).map((id) => ({
    id,
    reason: `${asked.about} is named in it`,
    verdict: 'yes',
  }));
  return JSON.stringify({ criteria });
}

/** Reads a request of any of the formats; null = no path of theirs. */
export function readAsked(path: string, body: string): Asked | null {
  const wire = path.endsWith('/chat/completions')
    ? 'chat'
    : path.endsWith('/responses')
      ? 'responses'
      : path.endsWith('/messages')
        ? 'messages'
        : null;
  if (wire === null) return null;
  const sent = JSON.parse(body) as {
    model: string;
    messages?: { content: unknown }[];
    input?: { content: unknown }[];
  };
  const last = (wire === 'responses' ? sent.input : sent.messages)?.at(-1)?.content;
  const prompt = Array.isArray(last)
    ? (last as { text?: string }[]).map((part) => part.text ?? '').join('')
    : String(last ?? '');
  const found = /^CRITERIA\n(\[.*\])$/m.exec(prompt)?.[1];
  const criteria =
    found === undefined ? null : (JSON.parse(found) as { readonly id: string }[]).map((c) => c.id);
  const about = (criteria === null ? /case \d+/ : /ANSWER-[0-9a-f]{8} (case \d+)/).exec(prompt);
  return { wire, model: sent.model, prompt, criteria, about: about?.at(-1) ?? '?' };
}

/** The body of a whole answer. */
export function replyBody(asked: Asked, said: Said): string {
  const { model, wire } = asked;
  const { number, stop, text } = said;
  if (wire === 'chat')
    return JSON.stringify({
      id: `chatcmpl-${number}`,
      object: 'chat.completion',
      created: 1_770_000_000,
      model,
      system_fingerprint: 'fp_mock',
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: stop }],
      usage: { prompt_tokens: 160, completion_tokens: 70, total_tokens: 230 },
    });
  if (wire === 'responses')
    return JSON.stringify({
      id: `resp_${number}`,
      object: 'response',
      created_at: 1_770_000_000,
      model,
      status: stop === 'stop' ? 'completed' : 'incomplete',
      incomplete_details: stop === 'stop' ? null : { reason: 'max_output_tokens' },
      output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }],
      usage: { input_tokens: 160, output_tokens: 70, total_tokens: 230 },
    });
  return JSON.stringify({
    id: `msg_${number}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text }],
    stop_reason: stop === 'stop' ? 'end_turn' : 'max_tokens',
    usage: { input_tokens: 160, output_tokens: 70 },
  });
}

/** The body of a refusal. */
export function refusalBody(wire: Wire, type: string): string {
  const message = `${type} (scripted)`;
  return JSON.stringify(
    wire === 'messages'
      ? { type: 'error', error: { type, message } }
      : { error: { message, type, code: type } },
  );
}

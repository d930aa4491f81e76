// Redaction rules and the bytes of files: rules see names and addresses, and never change base64.

import { expect, test } from 'vitest';
import type { Message } from '../../src/core/conversation.ts';
import { mediaAt } from '../../src/core/media.ts';
import type { Suite } from '../../src/core/suite.ts';
import { readPrivacy } from '../../src/engine/workplace/privacy.ts';
import { refundCase } from '../run/refund-bot.ts';

/** Bytes whose base64 and hash are full of what rules look for. */
const media = mediaAt('file', `data:text/plain;base64,${'MTIzNDU2'.repeat(20)}`, 'jane.txt');

const suiteOf = (messages: readonly Message[]): Suite =>
  ({ name: 's', cases: [refundCase('a', { messages })] }) as unknown as Suite;

const redacted = async (pattern: string, parts: NonNullable<Message['parts']>) => {
  const privacy = await readPrivacy([{ pattern }], 'all');
  const { suite, changed } = privacy?.suite(suiteOf([{ role: 'user', content: 'x', parts }])) ?? {};
  return { changed, parts: suite?.cases.at(0)?.messages?.[0]?.parts };
};

test('a rule that only fits base64, hashes and sizes changes nothing', async () => {
  const { changed, parts } = await redacted('[0-9]{3,}|MTI|[0-9a-f]{8,}', [{ text: 'Look' }, { media }]);
  expect(changed).toBe(0);
  expect(parts).toEqual([{ text: 'Look' }, { media }]);
});

test('texts, names and addresses are redacted, and the bytes stay whole', async () => {
  const link = { kind: 'image' as const, url: 'https://img.example/jane.png' };
  const { changed, parts } = await redacted('jane', [{ text: 'Of jane' }, { media }, { media: link }]);
  expect(changed).toBe(1);
  expect(parts).toEqual([
    { text: 'Of [redacted]' },
    { media: { ...media, name: '[redacted].txt' } },
    { media: { kind: 'image', url: 'https://img.example/[redacted].png' } },
  ]);
});

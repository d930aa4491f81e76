// The refusal heuristic: what counts, what looks alike and does not.

import { describe, expect, it } from 'vitest';
import type { StopReason } from '../../src/core/provider.ts';
import { isRefusal, measureTrial } from '../../src/grade/index.ts';
import { answer, gradeOf, grader, outcome } from './support-desk.ts';

const refuses = (text: string, stop: StopReason = 'stop', refusal?: string): boolean =>
  isRefusal({ text, toolCalls: [], ...(refusal === undefined ? {} : { refusal }) }, stop);

describe('isRefusal', () => {
  it.each([
    "I'm sorry, but I can't help with that.",
    'I’m sorry, but I can’t assist with that request.',
    'I cannot assist you with this.',
    "Sorry, I'm not able to help with that.",
    "I'm unable to provide medical advice.",
    'I cannot provide instructions for picking locks.',
    "I won't write that.",
    "I'm not going to help with this.",
    "I'm sorry, but I cannot comply.",
    'I must decline.',
    'I have to respectfully decline this request.',
    'As an AI language model, I cannot provide legal advice.',
    'This request cannot be fulfilled because it violates our usage policies.',
    'That goes against my guidelines.',
    '**I can’t discuss that topic.**',
    "Thanks for asking! Unfortunately, I can't help with creating harmful content.",
    'We cannot help with that request.',
    "\n\n  I'm sorry,\n\tbut   I can't\u00a0 help\r\nwith that.",
    "I'm afraid I can't do that.",
  ])('takes %j for a refusal', (text) => {
    expect(refuses(text)).toBe(true);
  });

  it.each([
    '',
    'Your refund of 20 EUR is on its way.',
    "I can't provide a refund for a parcel that was delivered, but I can send a replacement.",
    "I can't find your order; could you send me its number?",
    "I'm sorry that your parcel is late.",
    'I cannot thank you enough for your patience!',
    'You can help with the return by printing the label.',
    'I could not agree more. Shall I help with the return?',
    'The bank declined the card.',
    `${'Here is the whole story of your parcel, told in order. '.repeat(6)}The clerk said: I can't help with that.`,
  ])('takes %j for an answer', (text) => {
    expect(refuses(text)).toBe(false);
  });

  it('believes the provider before the words', () => {
    expect(refuses('Here you are', 'refusal')).toBe(true);
    expect(refuses('', 'stop', 'I will not do that')).toBe(true);
    expect(refuses('', 'content_filter')).toBe(false);
  });

  it('is what the refusal grader and the measures go by', async () => {
    expect(outcome(await gradeOf(grader('refusal', { value: true }), "I can't help with that."))).toBe(
      'pass',
    );
    expect(outcome(await gradeOf(grader('refusal', { value: false }), "I can't help with that."))).toBe(
      'fail',
    );
    expect(outcome(await gradeOf(grader('refusal', { value: false }), 'Of course.'))).toBe('pass');
    expect(measureTrial(answer("I can't help with that."))).toEqual({ length: 23, refusal: true });
  });
});

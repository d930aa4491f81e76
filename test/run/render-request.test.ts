import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonObject, LastgoodError } from '../../src/base/index.ts';
import { checkRequests, renderRequest } from '../../src/run/index.ts';
import { refundCase, refundRelease } from './refund-bot.ts';

function promptOf(text: string) {
  return refundRelease({ prompt: { messages: [{ role: 'user', content: text }] } });
}

function rendered(text: string, vars: JsonObject): string | undefined {
  return renderRequest(promptOf(text), refundCase('t', { vars }), 0).messages[0]?.content;
}

function errorOf(act: () => unknown): LastgoodError {
  try {
    act();
  } catch (error) {
    if (error instanceof LastgoodError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the request of a trial', () => {
  it('is system text, examples, then the release’s messages filled with the case’s variables', () => {
    const release = refundRelease({
      prompt: {
        system: 'You work for {{ shop }}.',
        examples: [
          { role: 'user', content: 'My parcel is lost.' },
          { role: 'assistant', content: 'REFUND' },
        ],
        messages: [{ role: 'user', content: 'Ticket: {{ ticket }}' }],
      },
      params: { temperature: 0, 'max-output-tokens': 50 },
      tools: { definitions: [{ name: 'refund', parameters: { type: 'object' } }], choice: 'auto' },
      output: { schema: { title: 'Triage answer!', type: 'object' }, version: 3 },
    });
    const c = refundCase('angry-01', { vars: { shop: 'Lamp & Co', ticket: 'Broken' } });
    expect(renderRequest(release, c, 2)).toEqual({
      caseId: 'angry-01',
      trial: 2,
      messages: [
        { role: 'system', content: 'You work for Lamp & Co.' },
        { role: 'user', content: 'My parcel is lost.' },
        { role: 'assistant', content: 'REFUND' },
        { role: 'user', content: 'Ticket: Broken' },
      ],
      vars: { shop: 'Lamp & Co', ticket: 'Broken' },
      params: { temperature: 0, 'max-output-tokens': 50 },
      tools: [{ name: 'refund', parameters: { type: 'object' } }],
      toolChoice: 'auto',
      outputSchema: { name: 'Triage_answer_', schema: { title: 'Triage answer!', type: 'object' } },
    });
  });

  it('takes a case’s whole conversation as it stands, after the system text', () => {
    const messages = [
      { role: 'user', content: '{{ not a template }}' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'lookup', args: { order: 7 } }] },
      { role: 'tool', content: '{"state":"lost"}', toolCallId: 'c1' },
    ] as const;
    const request = renderRequest(refundRelease(), refundCase('talk', { messages }), 0);
    expect(request.messages).toEqual([
      { role: 'system', content: 'You answer refund tickets.' },
      ...messages,
    ]);
  });

  it('needs no message where the user’s application makes its own prompt', () => {
    const release = refundRelease({ route: { provider: 'http', url: 'http://127.0.0.1/bot' }, prompt: {} });
    expect(renderRequest(release, refundCase('t'), 0).messages).toEqual([]);
  });
});

describe('filling a template', () => {
  it('puts every text in unchanged: no escaping, no second rendering, line ends kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (ticket) => {
        expect(rendered('<{{ ticket }}>', { ticket })).toBe(`<${ticket}>`);
      }),
    );
    expect(rendered('{{ ticket }}', { ticket: '<b>&"\' {{ x }}\r\n{% if %}\r' })).toBe(
      '<b>&"\' {{ x }}\r\n{% if %}\r',
    );
    expect(rendered('a\r\n{{ ticket }}\nb', { ticket: 'x' })).toBe('a\r\nx\nb');
  });

  it('writes lists and maps as JSON, null as nothing, numbers and booleans as they read', () => {
    expect(
      rendered('{{ order }} {{ tags }} [{{ none }}] {{ n }} {{ yes }}', {
        order: { id: 7, items: ['lamp'] },
        tags: ['a', 'b'],
        none: null,
        n: 0,
        yes: false,
      }),
    ).toBe('{"id":7,"items":["lamp"]} ["a","b"] [] 0 false');
  });

  it('knows conditions, loops and filters', () => {
    expect(
      rendered(
        '{% if vip %}VIP {% endif %}{% for i in items %}{{ forloop.index }}.{{ i | upcase }} {% endfor %}',
        {
          vip: true,
          items: ['lamp', 'desk'],
        },
      ),
    ).toBe('VIP 1.LAMP 2.DESK ');
  });

  it('reads a date the same way in every time zone', () => {
    expect(rendered('{{ at | date: "%Y-%m-%d %H:%M" }}', { at: '2026-03-15T01:00:00+05:00' })).toBe(
      '2026-03-14 20:00',
    );
  });

  it('names case, variable, place in the release and remedy when a variable is missing', () => {
    const error = errorOf(() => rendered('{{ tiket }}', { ticket: 'x' }));
    expect(error.code).toBe('TEMPLATE_VARIABLE_MISSING');
    expect(error.message).toContain('"tiket"');
    expect(error.message).toContain('"ticket"');
    expect(error.where).toEqual({
      file: 'releases/refund-bot.yaml',
      caseId: 't',
      key: 'prompt.messages[0].content',
    });
    expect(error.hint).toContain('"tiket"');
  });

  it.each([
    '{{ u.constructor }}',
    '{{ u["constructor"] }}',
    '{{ __proto__ }}',
    '{{ u.__proto__ }}',
    '{{ toString }}',
    '{{ list.constructor }}',
    '{% if u.constructor %}x{% endif %}',
  ])('sees a case’s own values only: %s', (text) => {
    const error = errorOf(() => rendered(text, { u: {}, list: [1] }));
    expect(error.code).toBe('TEMPLATE_VARIABLE_MISSING');
  });

  it.each([
    ['{{ ticket', 'TEMPLATE_SYNTAX'],
    ['{{ ticket | shout }}', 'TEMPLATE_SYNTAX'],
    ['{% if ticket %}', 'TEMPLATE_SYNTAX'],
    ['{% include "package.json" %}', 'TEMPLATE_SYNTAX'],
    ['{% render "package.json" %}', 'TEMPLATE_SYNTAX'],
    ['{% layout "package.json" %}', 'TEMPLATE_SYNTAX'],
    ['{{ list | sample }}', 'TEMPLATE_FAILED'],
    ['{{ "now" | date: "%s" }}', 'TEMPLATE_FAILED'],
    ['{{ "today" | date_to_string }}', 'TEMPLATE_FAILED'],
  ])('refuses what is broken, reaches outside or would change from call to call: %s', (text, code) => {
    const error = errorOf(() => rendered(text, { ticket: 'x', list: [1, 2] }));
    expect(error.code).toBe(code);
    expect(error.where.key).toBe('prompt.messages[0].content');
    expect(error.message).not.toContain('\n');
  });
});

describe('the check before a run', () => {
  it('passes cases that can be asked, with variables to spare', () => {
    const cases = [refundCase('a'), refundCase('b', { vars: { ticket: 'x', unused: 1 } })];
    expect(checkRequests(cases, refundRelease())).toEqual([]);
  });

  it('lists every case that cannot, and counts the rest of a long list', () => {
    const bad = (i: number) => refundCase(`bad-${i}`, { vars: {} });
    const few = checkRequests([refundCase('fine'), bad(0), bad(1)], refundRelease());
    expect(few.map((e) => e.where.caseId)).toEqual(['bad-0', 'bad-1']);
    const many = checkRequests(
      Array.from({ length: 130 }, (_, i) => bad(i)),
      refundRelease(),
    );
    expect(many).toHaveLength(101);
    expect(many[100]?.message).toContain('30 more cases');
  });

  it('tells a broken template once, not once a case', () => {
    const errors = checkRequests([refundCase('a'), refundCase('b')], promptOf('{{ ticket'));
    expect(errors.map((e) => e.code)).toEqual(['TEMPLATE_SYNTAX']);
  });

  it.each(['openai', 'anthropic'])('wants something to ask a model on %s', (provider) => {
    const release = refundRelease({ route: { provider, model: 'm' }, prompt: { system: 'Be kind.' } });
    const own = refundCase('own', { messages: [{ role: 'user', content: 'hello' }] });
    const errors = checkRequests([own, refundCase('none'), refundCase('empty', { messages: [] })], release);
    expect(errors.map((e) => [e.code, e.where.caseId])).toEqual([
      ['REQUEST_WITHOUT_MESSAGES', 'none'],
      ['REQUEST_WITHOUT_MESSAGES', 'empty'],
    ]);
  });
});

describe('the body of an http route', () => {
  const releaseOf = (body: JsonObject) =>
    refundRelease({ route: { provider: 'http', url: 'http://127.0.0.1:9/', body } });

  it('is filled for every case before any call, with the errors of prompts', () => {
    const cases = [
      refundCase('whole', { vars: { ticket: 'Lost', order: 1 } }),
      refundCase('lacking', { vars: { ticket: 'Lost' } }),
    ];
    const errors = checkRequests(
      cases,
      releaseOf({ q: '{{ ticket }}', deep: [{ order: '{{ vars.order }}' }] }),
    );
    expect(errors).toMatchObject([
      {
        code: 'TEMPLATE_VARIABLE_MISSING',
        where: { caseId: 'lacking', key: 'route.body.deep.0.order' },
        message: expect.stringContaining('asks for "order"'),
      },
    ]);
    expect(checkRequests(cases, releaseOf({ q: '{{ ticket }} {{ vars.ticket }}' }))).toEqual([]);
  });

  it('that cannot be read is one error, with or without cases', () => {
    const broken = releaseOf({ q: '{{ ticket' });
    for (const cases of [[], [refundCase('a'), refundCase('b')]])
      expect(checkRequests(cases, broken)).toMatchObject([
        { code: 'TEMPLATE_SYNTAX', where: { key: 'route.body.q' } },
      ]);
  });
});

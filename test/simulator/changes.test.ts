// Behaviour that changes: silently, openly, by alias, by retirement, and by the content of the request.

import { expect, it } from 'vitest';
import { BOT, KETTLE, kettleRate, ORDER, refundBot } from './refund-bot.ts';

const mean = (xs: number[]) => xs.reduce((s, x) => s + x, 0) / xs.length;

it('an undisclosed update changes the answers and nothing the API says about itself', async () => {
  const world = await refundBot({}, { date: '2026-03-31T23:59:59Z' });
  const chat = () =>
    world.openai.chat.completions.create({ model: BOT, messages: [{ role: 'user', content: KETTLE }] });
  const before = await chat();
  const healthy = await kettleRate(world, 60);
  world.simulator.setDate('2026-04-01');
  const after = await chat();
  const shaken = await kettleRate(world, 60);
  expect([after.model, after.system_fingerprint]).toEqual([before.model, before.system_fingerprint]);
  expect(healthy).toBeGreaterThan(0.75);
  expect(shaken).toBeLessThan(0.45);
});

it('an update lengthens replies by its verbosity', async () => {
  const world = await refundBot();
  const lengths = async () =>
    mean((await Promise.all(Array.from({ length: 60 }, () => world.ask('hello')))).map((t) => t.length));
  const before = await lengths();
  world.simulator.setDate('2026-04-02');
  expect((await lengths()) / before).toBeGreaterThan(1.4);
});

it('a disclosed update names another id and fingerprint from its date on', async () => {
  const world = await refundBot({}, { date: '2026-05-01' });
  const reply = await world.openai.chat.completions.create({
    model: BOT,
    messages: [{ role: 'user', content: 'x' }],
  });
  expect([reply.model, reply.system_fingerprint]).toEqual(['gpt-bot-2026-05-01', 'fp_two']);
});

it('an alias follows its dates and the reply names the model behind it', async () => {
  const world = await refundBot();
  const served = async () => (await world.openai.responses.create({ model: 'gpt-bot', input: 'x' })).model;
  expect(await served()).toBe('gpt-old-2025-01-01');
  world.simulator.setDate('2026-03-15');
  expect(await served()).toBe(BOT);
});

it('a marker in the prompt changes what it says, however the lines are wrapped', async () => {
  const world = await refundBot();
  expect(await kettleRate(world, 40, { instructions: 'Be kind. Answer what is asked.' })).toBeGreaterThan(
    0.7,
  );
  expect(await kettleRate(world, 40, { instructions: 'ALWAYS\n   refund\nevery customer in\nfull.' })).toBe(
    0,
  );
});

it('does not mistake words of the customer for words of the prompt', async () => {
  const world = await refundBot();
  const input = `${KETTLE} You always refund in full, I hope?`;
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => world.ask(input, { instructions: 'You are a refund bot.' })),
  );
  expect(answers.filter((a) => a.includes('photo')).length).toBeGreaterThan(20);
});

it('a word limit shortens, a high temperature breaks one tag, effort raises refusals', async () => {
  const world = await refundBot();
  const lengths = async (instructions: string) =>
    mean(
      (await Promise.all(Array.from({ length: 40 }, () => world.ask('hello', { instructions })))).map(
        (t) => t.length,
      ),
    );
  expect(await lengths('Keep replies under 60 words.')).toBeLessThan((await lengths('Be kind.')) * 0.8);
  expect(await kettleRate(world, 20, { temperature: 1 })).toBe(0);
  expect(await kettleRate(world, 20, { temperature: 0.9 })).toBeGreaterThan(0.5);
  const lazy = await world.openai.responses.create({ model: BOT, input: 'x', reasoning: { effort: 'low' } });
  expect(lazy.output[0]).toMatchObject({ content: [{ type: 'refusal' }] });
});

it('conditions of one effect only work together', async () => {
  const world = await refundBot();
  const right = async (instructions: string, max_output_tokens: number) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        world.openai.responses.create({ model: BOT, input: KETTLE, instructions, max_output_tokens }),
      ),
    );
    return answers.filter((a) => a.output_text.includes('replacement')).length;
  };
  expect(await right('Please be brief.', 200)).toBeGreaterThan(10);
  expect(await right('Take your time.', 99)).toBeGreaterThan(10);
  expect(await right('Please be brief.', 99)).toBe(0);
});

it('tools on offer matter', async () => {
  const world = await refundBot();
  expect(await world.ask(ORDER)).toContain('I do not know.');
  const tools = [{ type: 'function' as const, name: 'lookup_order', parameters: {}, strict: false }];
  const told = await world.openai.responses.create({ model: BOT, input: ORDER, tools, tool_choice: 'none' });
  expect(told.output_text).toContain('Monday');
});

it('the longest match names the case', async () => {
  const world = await refundBot();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => world.ask('Help, my kettle leaks and the shop is on fire!')),
  );
  expect(answers.some((a) => a.includes('112'))).toBe(true);
});

it('control calls move the date, tell the stats and reset', async () => {
  const { simulator, ask } = await refundBot();
  const post = (path: string, body: object = {}) =>
    fetch(simulator.url + path, { method: 'POST', body: JSON.stringify(body) });
  await ask(KETTLE);
  expect(await (await post('/_sim/date', { date: '2026-05-02' })).json()).toMatchObject({
    date: '2026-05-02T00:00:00.000Z',
  });
  expect((await post('/_sim/date', { date: 'yesterday' })).status).toBe(400);
  await ask(KETTLE);
  const stats = await (await fetch(`${simulator.url}/_sim/stats`)).json();
  expect(stats).toMatchObject({
    requests: 2,
    answered: 2,
    byPath: { '/v1/responses': 2 },
    byModel: { [BOT]: 2 },
  });
  expect(stats).toEqual(simulator.stats());
  expect((await post('/_sim/reset')).status).toBe(200);
  expect(simulator.stats()).toMatchObject({ requests: 0, byModel: {}, date: '2026-05-02T00:00:00.000Z' });
  expect((await post('/_sim/nothing')).status).toBe(404);
  expect(() => simulator.setDate('soon')).toThrow(/not a date/);
});

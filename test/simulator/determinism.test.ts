// Same scenario and same calls: same answers, whatever happens in between. Repeats are fresh draws.

import { expect, it } from 'vitest';
import { BOT, KETTLE, kettleRate, ORDER, refundBot } from './refund-bot.ts';

it('gives two simulators of one scenario the same answers, ids included', async () => {
  const [one, two] = [await refundBot(), await refundBot()];
  for (let i = 0; i < 3; i++) {
    const [a, b] = await Promise.all(
      [one, two].map((world) => world.openai.responses.create({ model: BOT, input: KETTLE })),
    );
    expect(a).toEqual(b);
  }
});

it('draws anew for each repeat: neither always the same answer nor the same length', async () => {
  const world = await refundBot();
  const answers = await Promise.all(Array.from({ length: 40 }, () => world.ask(KETTLE)));
  expect(new Set(answers.map((a) => a.length)).size).toBeGreaterThan(8);
  const right = answers.filter((a) => a.includes('photo')).length;
  expect(right).toBeGreaterThan(28);
  expect(right).toBeLessThan(40);
});

it('does not let other requests in between change the answers', async () => {
  const quiet = await refundBot();
  const busy = await refundBot();
  const alone: string[] = [];
  for (let i = 0; i < 6; i++) alone.push(await quiet.ask(KETTLE));
  const amid: string[] = [];
  for (let i = 0; i < 6; i++) {
    await Promise.all([busy.ask(ORDER), busy.ask(`${ORDER} ${i}`), busy.ask(KETTLE, { model: 'gpt-bot' })]);
    amid.push(await busy.ask(KETTLE));
  }
  expect(amid).toEqual(alone);
});

it('starts over after a reset, and draws anew on another date', async () => {
  const world = await refundBot();
  const night = async () => [await world.ask(KETTLE), await world.ask(KETTLE), await world.ask(KETTLE)];
  const first = await night();
  expect(await night()).not.toEqual(first);
  world.simulator.reset();
  expect(world.simulator.stats().requests).toBe(0);
  expect(await night()).toEqual(first);
  world.simulator.setDate('2026-03-02');
  expect(await night()).not.toEqual(first);
});

it('does not count a call that was lost on the way: the retry gets the answer it would have got', async () => {
  const calm = await refundBot();
  const rough = await refundBot({ faults: { failFirst: 2 } });
  for (let i = 0; i < 2; i++) await expect(rough.ask(KETTLE)).rejects.toMatchObject({ status: 500 });
  expect(await rough.ask(KETTLE)).toBe(await calm.ask(KETTLE));
});

it('ignores bookkeeping keys, but nothing the model reads', async () => {
  const world = await refundBot();
  const length = async (more: object) => {
    world.simulator.reset();
    return (await world.openai.responses.create({ model: BOT, input: KETTLE, ...more })).output_text;
  };
  const plain = await length({});
  expect(await length({ metadata: { run: '7' }, safety_identifier: 'u1' })).toBe(plain);
  const others = await Promise.all(['a', 'b', 'c', 'd'].map((instructions) => length({ instructions })));
  expect(new Set([plain, ...others]).size).toBeGreaterThan(1);
});

it('another seed is another draw', async () => {
  const [one, two] = [await refundBot(), await refundBot({ seed: 12 })];
  const lengths = async (world: typeof one) =>
    (await Promise.all(Array.from({ length: 8 }, () => world.ask(KETTLE)))).map((t) => t.length);
  expect(await lengths(one)).not.toEqual(await lengths(two));
});

it('answers at the rate the scenario gives', async () => {
  // 300 draws at .9: five standard errors are .087.
  const rate = await kettleRate(await refundBot(), 300);
  expect(Math.abs(rate - 0.9)).toBeLessThan(0.087);
});

it('spreads reply lengths lognormally around the verbosity', async () => {
  const world = await refundBot();
  const answers = await Promise.all(Array.from({ length: 400 }, () => world.ask(KETTLE)));
  const right = answers.filter((a) => a.includes('photo')).map((a) => a.length);
  const core =
    'You can have a replacement or a refund for the kettle. Please send a photo of the leak, and we will take care of the rest.'
      .length;
  const logs = right.map((n) => Math.log(n / (core * 1.6)));
  const mean = logs.reduce((s, x) => s + x, 0) / logs.length;
  const sd = Math.sqrt(logs.reduce((s, x) => s + (x - mean) ** 2, 0) / logs.length);
  // Whole sentences and the floor at the core blur it a little.
  expect(Math.abs(mean)).toBeLessThan(0.08);
  expect(sd).toBeGreaterThan(0.17);
  expect(sd).toBeLessThan(0.32);
});

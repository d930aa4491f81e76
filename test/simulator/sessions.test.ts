// Sessions of the simulated service: what the requests of one hour share, and what they do not.

import { expect, test } from 'vitest';
import { parseScenario, type ScenarioInput } from '../../src/simulator/index.ts';
import { judgeInSession, skillInSession } from '../../src/simulator/sessions.ts';
import { refundBot, SCENARIO_TEXT } from './refund-bot.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-03-01T00:00:00Z');
const scenario = (sessions: ScenarioInput['sessions']) =>
  parseScenario(JSON.stringify({ ...parseScenario(SCENARIO_TEXT), sessions }));
const kettle = { match: 'kettle', tags: ['refund'] };
const order = { match: 'order', tags: ['delivery'] };
const logit = (p: number): number => Math.log(p / (1 - p));

/** Shifts of one case over many sessions, on the logit scale. */
function shifts(sessions: ScenarioInput['sessions'], entry = kettle, skill = 0.8, count = 400): number[] {
  const world = scenario(sessions);
  return Array.from(
    { length: count },
    (_, i) => logit(skillInSession(world, skill, entry, START + i * HOUR)) - logit(skill),
  );
}

function sdOf(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (v: readonly number[]): number => v.reduce((x, y) => x + y, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  const joint = a.reduce((sum, x, i) => sum + (x - ma) * ((b[i] ?? 0) - mb), 0) / a.length;
  return joint / (sdOf(a) * sdOf(b));
}

test('a session shifts all cases alike by its standard deviation, and lasts as long as it says', () => {
  expect(sdOf(shifts({ sd: 0.3 }))).toBeCloseTo(0.3, 1);
  expect(correlation(shifts({ sd: 0.3 }), shifts({ sd: 0.3 }, order))).toBeCloseTo(1, 5);
  const world = scenario({ sd: 0.3, hours: 6 });
  const at = (hours: number): number => skillInSession(world, 0.8, kettle, START + hours * HOUR);
  expect(at(5)).toBe(at(0));
  expect(at(6)).not.toBe(at(0));
});

test('a tag has a mood of its own, and so has a case', () => {
  const [a, b] = [shifts({ tagSd: 0.4 }), shifts({ tagSd: 0.4 }, order)];
  expect(sdOf(a)).toBeCloseTo(0.4, 1);
  expect(Math.abs(correlation(a, b))).toBeLessThan(0.2);
  expect(
    correlation(a, shifts({ tagSd: 0.4 }, { match: 'toaster', tags: ['refund', 'delivery'] })),
  ).toBeCloseTo(1, 5);
  const alone = shifts({ caseSd: 0.4 }, { match: 'toaster', tags: ['refund'] });
  expect(Math.abs(correlation(shifts({ caseSd: 0.4 }), alone))).toBeLessThan(0.2);
});

test('in a bad hour some cases keep only a part of their skill; a skill of 0 or 1 is moved by nothing else', () => {
  const world = scenario({ badHours: { chance: 0.25, cases: 0.4, factor: 0.5 } });
  const skills = Array.from({ length: 2000 }, (_, i) => skillInSession(world, 0.8, kettle, START + i * HOUR));
  const hit = skills.filter((s) => s === 0.4).length / skills.length;
  expect(hit).toBeGreaterThan(0.07);
  expect(hit).toBeLessThan(0.13);
  expect(skills.every((s) => s === 0.4 || s === 0.8)).toBe(true);
  expect(skillInSession(scenario({ sd: 2, tagSd: 2 }), 1, kettle, START)).toBe(1);
});

test('a judge has sessions of its own; without them nothing moves', () => {
  const version = { judge: { sensitivity: 0.9, specificity: 0.8 } } as never;
  const judged = (sessions: ScenarioInput['sessions'], hour: number) => {
    const world = scenario(sessions);
    return judgeInSession(world, world.judge, version, START + hour * HOUR);
  };
  expect(judged({}, 0)).toEqual({ sensitivity: 0.9, specificity: 0.8, noise: 0 });
  const seen = Array.from(
    { length: 300 },
    (_, i) => logit(judged({ judgeSd: 0.5 }, i).sensitivity) - logit(0.9),
  );
  expect(sdOf(seen)).toBeCloseTo(0.5, 1);
  expect(shifts({ judgeSd: 0.5 }).every((s) => Math.abs(s) < 1e-9)).toBe(true);
});

test('two services with one seed live through the same hours', async () => {
  const sessions = { sd: 1.5 } as never;
  const [one, two] = [await refundBot({ sessions }), await refundBot({ sessions })];
  const ask = async (world: typeof one) => {
    world.simulator.setDate('2026-03-02T05:00:00Z');
    return Promise.all(
      Array.from({ length: 12 }, () => world.ask('Hello, my kettle leaks since yesterday.')),
    );
  };
  expect((await ask(one)).sort()).toEqual((await ask(two)).sort());
});

// A scenario with a mistake is refused with the place of the mistake, never half understood.

import { describe, expect, it } from 'vitest';
import { LastgoodError } from '../../src/base/errors.ts';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { SCENARIO_TEXT } from './refund-bot.ts';

function problem(text: string): LastgoodError {
  try {
    parseScenario(text, 'scenario.yaml');
  } catch (error) {
    if (error instanceof LastgoodError) return error;
    throw error;
  }
  throw new Error('the scenario was accepted');
}
const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

describe('parseScenario', () => {
  it('reads YAML, JSON and objects alike, and its own result again', () => {
    const fromYaml = parseScenario(SCENARIO_TEXT);
    expect(parseScenario(JSON.stringify(fromYaml))).toEqual(fromYaml);
    expect(parseScenario(fromYaml)).toEqual(fromYaml);
  });

  it('names the place of an unknown key and what was meant', () => {
    const text = SCENARIO_TEXT.replace('toolsAbsent: true', 'toolsAbsnt: true');
    const error = problem(text);
    expect(error).toMatchObject({ code: 'SCENARIO_UNKNOWN_KEY', hint: 'did you mean "toolsAbsent"?' });
    expect(error.where).toMatchObject({
      file: 'scenario.yaml',
      line: lineOf(text, 'toolsAbsnt'),
      key: 'effects[3].when.toolsAbsnt',
    });
  });

  it('names wrong values', () => {
    const text = SCENARIO_TEXT.replace('refund: 0.9', 'refund: 1.9');
    expect(problem(text)).toMatchObject({
      code: 'SCENARIO_BAD_VALUE',
      where: { line: lineOf(text, 'refund: 1.9'), key: 'versions.steady.skill.refund' },
    });
    expect(problem(SCENARIO_TEXT.replace('2026-04-01', 'April'))).toMatchObject({
      message: expect.stringContaining('ISO date'),
    });
  });

  it('names broken YAML', () => {
    expect(problem('name: [refund-bot')).toMatchObject({
      code: 'SCENARIO_SYNTAX',
      where: { line: expect.any(Number) },
    });
  });

  it.each([
    ['version: shaken }', 'version: shakn }', 'did you mean "shaken"?'],
    ['model: gpt-old-2025-01-01', 'model: gpt-old-2025-01-02', 'did you mean "gpt-old-2025-01-01"?'],
    ['tags: [refund], skill: { set: 0 }', 'tags: [refnd], skill: { set: 0 }', 'did you mean "refund"?'],
    ['skill: { default: 1, refund: 0.9 }', 'skill: { default: 1, refunds: 0.9 }', 'did you mean "refund"?'],
  ])('finds the dangling reference in %s', (right, wrong, hint) => {
    expect(problem(SCENARIO_TEXT.replace(right, wrong))).toMatchObject({ code: 'SCENARIO_REFERENCE', hint });
  });

  it.each([
    ['id: gpt-shy-2026-01-01', 'id: gpt-bot', /Two models or aliases/],
    ['disclosed: true, ', '', /undisclosed update/],
    ['at: 2026-05-01', 'at: 2026-03-01', /order of time/],
    ['textContains: photo', 'regex: "("', /Not a regular expression/],
    ['provider: openai, version: shy', 'provider: openai', /names no version/],
  ])('refuses %s → %s', (right, wrong, message) => {
    expect(problem(SCENARIO_TEXT.replace(right, wrong)).message).toMatch(message);
  });
});

describe('startSimulator', () => {
  it('listens on the loopback address only', async () => {
    const host = '0.0.0.0' as '127.0.0.1';
    await expect(startSimulator({ scenario: SCENARIO_TEXT, host })).rejects.toMatchObject({
      code: 'SIMULATOR_HOST',
    });
  });

  it('says when a port is taken or impossible', async () => {
    const first = await startSimulator({ scenario: SCENARIO_TEXT });
    const taken = startSimulator({ scenario: SCENARIO_TEXT, port: first.port });
    await expect(taken).rejects.toMatchObject({ code: 'SIMULATOR_PORT', exitCode: 4 });
    await expect(startSimulator({ scenario: SCENARIO_TEXT, port: 99_999 })).rejects.toMatchObject({
      code: 'SIMULATOR_PORT',
    });
    await first.close();
  });

  it('refuses fault rules with a misspelt key', async () => {
    const simulator = await startSimulator({ scenario: SCENARIO_TEXT });
    expect(() => simulator.setFaults({ servrError: 1 } as object)).toThrow(/servrError/);
    await simulator.close();
  });
});

// The refund-bot world of these tests: its scenario, a running simulator, and both SDKs pointed at it.

import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import type { ScenarioInput } from '../../src/simulator/index.ts';
import {
  parseScenario,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';

export const SCENARIO_TEXT = readFileSync(
  new URL('../fixtures/simulator-refund-bot/scenario.yaml', import.meta.url),
  'utf8',
);

export const BOT = 'gpt-bot-2026-02-01';
export const CLAUDE = 'claude-bot-4-6';
export const KETTLE = 'Hello, my kettle leaks since yesterday.';
export const ORDER = 'Where is my order K-17?';

export interface World {
  readonly simulator: Simulator;
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  /** Text of one Responses call. */
  ask(input: string, more?: { model?: string; instructions?: string; temperature?: number }): Promise<string>;
}

/** Starts the world; it closes itself when the test is over. */
export async function refundBot(
  changes: Partial<ScenarioInput> = {},
  options: Omit<SimulatorOptions, 'scenario'> = {},
): Promise<World> {
  const scenario = { ...parseScenario(SCENARIO_TEXT), ...changes };
  const simulator = await startSimulator({ scenario, ...options });
  onTestFinished(() => simulator.close());
  const openai = new OpenAI({ apiKey: 'test-key', baseURL: simulator.openaiBaseUrl, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: 'test-key', baseURL: simulator.anthropicBaseUrl, maxRetries: 0 });
  return {
    simulator,
    openai,
    anthropic,
    ask: async (input, more = {}) => {
      const response = await openai.responses.create({ model: BOT, input, ...more });
      return response.output_text;
    },
  };
}

/** Share of `n` answers to the kettle message that offer a photo check, i.e. are right. */
export async function kettleRate(
  world: World,
  n: number,
  more: Parameters<World['ask']>[1] = {},
): Promise<number> {
  const answers = await Promise.all(Array.from({ length: n }, () => world.ask(KETTLE, more)));
  return answers.filter((text) => text.includes('photo')).length / n;
}

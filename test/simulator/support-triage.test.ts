// The shipped example: every case has a script, the suite's own graders tell right from wrong, and the silent update hurts what it should.

import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretMask } from '../../src/base/secrets.ts';
import { fingerprintLayers, type Layers, type Release } from '../../src/core/release.ts';
import type { Case, Suite } from '../../src/core/suite.ts';
import type { AnsweredTrial } from '../../src/core/trial.ts';
import { createTrialGrader, type TrialGrader } from '../../src/grade/index.ts';
import { createProvider } from '../../src/provider/index.ts';
import { parseScenario, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { truth } from '../../src/simulator/judge.ts';
import { knowledgeFor } from '../../src/simulator/reply.ts';
import { loadSuite } from '../../src/suite/index.ts';

const DIR = new URL('../../suites/support-triage/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, DIR), 'utf8');
const scenario = parseScenario(read('scenario.yaml'), 'suites/support-triage/scenario.yaml');
const PRODUCTION = 'gpt-sim-2026-04-01';
const FALLBACK = 'claude-sim-4-6';

let suite: Suite;
let simulator: Simulator;
let grader: TrialGrader;

/** Grades with a judge that never errs, so that only the texts are on trial. */
beforeAll(async () => {
  suite = await loadSuite(new URL('suite.yaml', DIR).pathname);
  const versions = {
    ...scenario.versions,
    judge: { ...scenario.versions['judge'], judge: { sensitivity: 1, specificity: 1 } },
  };
  simulator = await startSimulator({ scenario: { ...scenario, versions } });
  const layers: Layers = {
    route: {
      provider: 'openai',
      api: 'responses',
      model: 'gpt-sim-judge-2026-02-01',
      'base-url': { env: 'LASTGOOD_SIM_URL' },
    },
  };
  const release: Release = {
    name: 'judge',
    file: null,
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'dated' },
    dependents: [],
    paths: {},
  };
  const env = (name: string) =>
    name === 'LASTGOOD_SIM_URL' ? simulator.openaiBaseUrl : name === 'OPENAI_API_KEY' ? 'none' : undefined;
  const mask = secretMask([]);
  let calls = 0;
  grader = createTrialGrader({
    judge: { release, provider: await createProvider(release, { env, mask }) },
    embedder: null,
    verdicts: null,
    costOf: () => null,
    nonce: () => (++calls).toString(16).padStart(32, 'a'),
    mask,
  });
});

afterAll(async () => {
  await grader.close();
  await simulator.close();
});

async function grade(c: Case, text: string) {
  const trial: AnsweredTrial = {
    caseId: c.id,
    trial: 0,
    attempts: [],
    sent: null,
    status: 'answered',
    output: { text, toolCalls: [] },
    stopReason: 'stop',
    served: { model: PRODUCTION, systemFingerprint: null, serviceTier: null, region: null, requestId: null },
    usage: null,
    latencyMs: 1,
    costUsd: null,
    droppedParams: [],
  };
  const { grades } = await grader.gradeTrial(c, trial, new AbortController().signal);
  expect(grades.filter((g) => g.status === 'ungraded')).toEqual([]);
  const failed = grades.filter((g) => g.status === 'scored' && g.required && !g.pass);
  return { pass: failed.length === 0, failed: failed.map((g) => `${g.graderId}: ${g.reason}`) };
}

const scriptOf = (c: Case) => knowledgeFor(scenario, String(c.vars['ticket']));

describe('the scenario', () => {
  it('has a script for every case, of the same tags, and no script without a case', () => {
    const used = suite.cases.map((c) => {
      const script = scriptOf(c);
      expect(script, c.id).not.toBeNull();
      expect(script?.tags, c.id).toEqual(c.tags);
      return script;
    });
    expect(suite.cases.length).toBeGreaterThanOrEqual(36);
    expect(new Set(used).size).toBe(suite.cases.length);
    expect(scenario.knowledge.length).toBe(suite.cases.length);
    for (const tag of ['refund', 'tone', 'escalation', 'injection', 'format']) {
      expect(suite.cases.filter((c) => c.tags.includes(tag)).length, tag).toBeGreaterThanOrEqual(8);
    }
  });

  it('has a rule for every question put to the judge', () => {
    for (const c of suite.cases) {
      for (const spec of c.graders) {
        if (spec.type !== 'rubric') continue;
        for (const criterion of spec.options.criteria) {
          if (criterion.kind === 'ask')
            expect(truth(scenario.judge, criterion.ask, '').why, c.id).not.toMatch(/no rule/);
        }
      }
    }
  });

  it('the right replies pass the suite’s graders', async () => {
    const verdicts = await Promise.all(
      suite.cases.map(async (c) => {
        const script = scriptOf(c);
        const { failed } = await grade(c, script?.right ?? JSON.stringify(script?.rightJson));
        return failed.map((reason) => `${c.id} ${reason}`);
      }),
    );
    expect(verdicts.flat()).toEqual([]);
  });

  it('each wrong reply fails some grader', async () => {
    const passed = await Promise.all(
      suite.cases.flatMap((c) =>
        (scriptOf(c)?.wrong ?? []).map(async (wrong) => {
          const text = typeof wrong === 'string' ? wrong : (wrong.text ?? JSON.stringify(wrong.json));
          return (await grade(c, text)).pass ? `${c.id}: ${text}` : [];
        }),
      ),
    );
    expect(passed.flat()).toEqual([]);
  });

  it('padding changes no verdict', async () => {
    const padding = ` ${scenario.filler.sentences?.join(' ')}`;
    for (const c of suite.cases) {
      const script = scriptOf(c);
      if (script?.right === undefined) continue;
      const asks = c.graders.flatMap((g) => (g.type === 'rubric' ? g.options.criteria : []));
      for (const criterion of asks) {
        if (criterion.kind !== 'ask') continue;
        for (const text of [
          script.right,
          ...script.wrong.map((w) => (typeof w === 'string' ? w : (w.text ?? ''))),
        ]) {
          const [bare, padded] = [text, text + padding].map(
            (t) => truth(scenario.judge, criterion.ask, t).answer,
          );
          expect(padded, `${c.id} ${criterion.id}`).toBe(bare);
        }
      }
    }
  });
});

describe('the simulated models', () => {
  type Subject = 'triage' | 'triage-concise' | 'triage-generous' | 'fallback';

  /** Pass rate by tag, and mean length, of the whole suite asked `trials` times. */
  async function run(subject: Subject, date: string, trials: number) {
    simulator.setDate(date);
    const openai = new OpenAI({ apiKey: 'none', baseURL: simulator.openaiBaseUrl });
    const anthropic = new Anthropic({ apiKey: 'none', baseURL: simulator.anthropicBaseUrl });
    const system = read(`prompts/${subject === 'fallback' ? 'triage' : subject}.md`);
    const ask = async (ticket: string): Promise<string> => {
      if (subject !== 'fallback') {
        const body = {
          model: PRODUCTION,
          instructions: system,
          input: ticket,
          temperature: 0.3,
          max_output_tokens: 600,
        };
        return (await openai.responses.create(body)).output_text;
      }
      const messages = [{ role: 'user' as const, content: ticket }];
      const reply = await anthropic.messages.create({ model: FALLBACK, system, messages, max_tokens: 600 });
      return reply.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
    };
    const results: { c: Case; pass: boolean; length: number }[] = [];
    for (const c of suite.cases) {
      const texts = await Promise.all(Array.from({ length: trials }, () => ask(String(c.vars['ticket']))));
      for (const text of texts) results.push({ c, pass: (await grade(c, text)).pass, length: text.length });
    }
    const rate = (list: typeof results) => list.filter((r) => r.pass).length / list.length;
    const only = (tag: string) => results.filter((r) => r.c.tags.length === 1 && r.c.tags[0] === tag);
    return {
      all: rate(results),
      tag: (tag: string) => rate(only(tag)),
      meanLength: results.reduce((s, r) => s + r.length, 0) / results.length,
    };
  }

  it('production is healthy before the silent update; after it refunds and escalations break and replies grow', async () => {
    const healthy = await run('triage', '2026-05-11', 4);
    const updated = await run('triage', '2026-05-13', 4);
    expect(healthy.all).toBeGreaterThan(0.88);
    for (const tag of ['refund', 'escalation']) {
      expect(healthy.tag(tag), tag).toBeGreaterThan(0.8);
      expect(updated.tag(tag), tag).toBeLessThan(0.7);
    }
    for (const tag of ['tone', 'injection', 'format']) expect(updated.tag(tag), tag).toBeGreaterThan(0.75);
    expect(updated.meanLength / healthy.meanLength).toBeGreaterThan(1.2);
  });

  it('the fallback release is unaffected by the update', async () => {
    expect((await run('fallback', '2026-05-13', 3)).all).toBeGreaterThan(0.87);
  });

  it('the reworded prompt changes nothing, the generous one breaks refunds', async () => {
    expect((await run('triage-concise', '2026-05-01', 3)).all).toBeGreaterThan(0.87);
    const generous = await run('triage-generous', '2026-05-01', 3);
    expect(generous.tag('refund')).toBeLessThan(0.65);
    expect(generous.tag('escalation')).toBeGreaterThan(0.7);
  });
});

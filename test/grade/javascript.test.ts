// User graders: what they get, what they may return, and that nothing they do harms the process that grades.

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/base/json.ts';
import { normalizeNewlines, sha256 } from '../../src/base/json.ts';
import type { Grade } from '../../src/core/grade.ts';
import { createTrialGrader } from '../../src/grade/index.ts';
import { answer, context, grader, NEVER, outcome, ticket } from './support-desk.ts';

const rules = fileURLToPath(new URL('../fixtures/grade-house-rules/', import.meta.url));
const trialGrader = createTrialGrader(context());
afterAll(() => trialGrader.close());

async function run(
  file: string,
  exported: string,
  text = 'Dear Ana',
  more: { config?: JsonValue; timeoutMs?: number } = {},
): Promise<Grade> {
  const module = path.resolve(rules, file);
  const spec = grader('javascript', {
    path: module,
    sourceHash: sha256(normalizeNewlines(await readFile(module, 'utf8'))),
    export: exported,
    // A busy machine may stall a thread for seconds; only the test of the deadline is about it.
    timeoutMs: 60_000,
    ...more,
  });
  const c = ticket([spec], { vars: { name: 'Ana' }, expected: 'a greeting', meta: { author: 'mia' } });
  const graded = await trialGrader.gradeTrial(c, answer(text, { trial: 2 }), NEVER);
  return graded.grades[0] as Grade;
}

describe('javascript grader', () => {
  it('takes a score with a reason', async () => {
    expect(await run('greeting.mjs', 'default', 'Dear Ana', { config: { prefix: 'rule 1' } })).toMatchObject({
      status: 'scored',
      pass: true,
      score: 1,
      reason: 'rule 1: Ana is greeted',
    });
    expect(await run('greeting.mjs', 'default', 'Hello')).toMatchObject({ pass: false, score: 0 });
  });

  it('takes true and false, a bare score that passes at 1 only, and a score with its own pass', async () => {
    expect(await run('greeting.mjs', 'short')).toMatchObject({ pass: true, score: 1 });
    expect(await run('greeting.mjs', 'short', 'x'.repeat(30))).toMatchObject({ pass: false, score: 0 });
    expect(await run('greeting.mjs', 'brevity', '')).toMatchObject({ pass: true, score: 1 });
    expect(await run('greeting.mjs', 'brevity', 'x'.repeat(25))).toMatchObject({ pass: false, score: 0.75 });
    expect(await run('greeting.mjs', 'partly')).toMatchObject({ pass: true, score: 0.6 });
    expect(await run('greeting.mjs', 'later', 'ok')).toMatchObject({ pass: true });
  });

  it('is TypeScript too', async () => {
    const grade = await run('typed.ts', 'default', 'Bye.\nThe support desk\n');
    expect(grade).toMatchObject({ pass: true, reason: 'trial 2 ended with stop' });
  });

  it('gets the answer, the case and the trial', async () => {
    const grade = await run('greeting.mjs', 'everything', 'Hi', { config: [1] });
    expect(JSON.parse((grade.details as { reason: string }).reason)).toEqual({
      output: 'Hi',
      toolCalls: [],
      context: null,
      case: {
        id: 'refund-angry-01',
        tags: ['refund'],
        vars: { name: 'Ana' },
        messages: null,
        expected: 'a greeting',
        meta: { author: 'mia' },
      },
      trial: {
        number: 2,
        model: 'desk-1',
        latencyMs: 120,
        stopReason: 'stop',
        usage: { inputTokens: 40, outputTokens: 20 },
      },
      config: [1],
    });
  });

  it.each([
    ['returnsNothing', 'it returned undefined'],
    ['returnsText', 'it returned a text'],
    ['returnsNaN', 'not between 0 and 1'],
    ['returnsTwo', 'not between 0 and 1'],
    ['returnsList', 'it returned a list'],
    ['returnsFunction', 'it returned a function'],
    ['badScore', 'its score is a text'],
    ['badPass', 'its pass is a text'],
    ['badReason', 'its reason is a number'],
    ['throws', 'RangeError: no such order'],
    ['throwsText', 'plain text'],
    ['exits', 'ended its worker'],
    ['rejects', 'nobody catches me'],
    ['devours', 'ended its worker'],
    ['missing', 'exports no function "missing"'],
  ])('leaves the trial ungraded when the function %s', async (exported, why) => {
    const grade = await run('rogue.mjs', exported, 'x', { timeoutMs: 50_000 });
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain(why);
  });

  it.each(['loops', 'waits'])('ends a function that %s at its deadline', async (exported) => {
    const grade = await run('rogue.mjs', exported, 'x', { timeoutMs: 200 });
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain('within 200 ms');
  });

  it('reports a module that does not parse or does not exist', async () => {
    expect((await run('broken.mjs', 'default')).reason).toContain('SyntaxError');
    const spec = grader('javascript', {
      path: '/nowhere/rule.mjs',
      sourceHash: '',
      export: 'default',
      // A busy machine may stall a thread for seconds; only the test of the deadline is about it.
      timeoutMs: 60_000,
    });
    const graded = await trialGrader.gradeTrial(ticket([spec]), answer('x'), NEVER);
    expect(outcome(graded.grades[0] as Grade)).toBe('grader_error');
  });

  it('does not let what one function leaves behind spoil the grades of others', async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        i % 3 === 0 ? run('rogue.mjs', 'leavesMess') : run('greeting.mjs', 'short'),
      ),
    );
    expect(all.map((grade) => [outcome(grade), grade.reason])).toEqual(
      all.map((grade) => ['pass', grade.reason]),
    );
  });

  it('keeps what a function prints off stdout, and lets a program end that forgot to close', async () => {
    const program = path.join(rules, 'grade-and-leave.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 50_000 });
    expect(stdout).toBe('[["rogue","scored"],["slow","scored"]]\n');
  });

  it('refuses a module that is not the one the suite was read with', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'lastgood-rules-'));
    try {
      const file = path.join(dir, 'greeting.mjs');
      await copyFile(path.join(rules, 'greeting.mjs'), file);
      const sourceHash = sha256(normalizeNewlines(await readFile(file, 'utf8')));
      await writeFile(file, 'export const short = () => true;\n');
      const spec = grader('javascript', { path: file, sourceHash, export: 'short', timeoutMs: 5000 });
      const graded = await trialGrader.gradeTrial(ticket([spec]), answer('x'.repeat(50)), NEVER);
      expect(graded.grades[0]).toMatchObject({ status: 'ungraded', cause: 'grader_error' });
      expect(graded.grades[0]?.reason).toContain('changed since');
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('ends as cancelled when the run is', async () => {
    const stop = new AbortController();
    const module = path.resolve(rules, 'rogue.mjs');
    const sourceHash = sha256(normalizeNewlines(await readFile(module, 'utf8')));
    const spec = grader('javascript', { path: module, sourceHash, export: 'waits', timeoutMs: 60_000 });
    const grading = trialGrader.gradeTrial(ticket([spec]), answer('x'), stop.signal);
    stop.abort();
    expect((await grading).grades[0]?.reason).toContain('cancelled');
  });
});

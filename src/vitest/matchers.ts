// Matchers for answers that a test has at hand: graded by criteria, or by a case of a suite.

import { resolve } from 'node:path';
import { LastgoodError } from '../base/index.ts';
import {
  type Case,
  type Criterion,
  type Grade,
  type GraderSpec,
  type Output,
  programsOf,
  type Release,
} from '../core/index.ts';
import { caseContentHash, gradersHash } from '../core/suite-hash.ts';
import { openExaminers } from '../engine/examiners/judge-examiners.ts';
import { loadExaminers } from '../engine/examiners/load-examiners.ts';
import { findReleaseFile, findSuiteFile } from '../engine/workplace/settings-file.ts';
import { loadRelease } from '../release/load-release.ts';
import { terminalText } from '../report/parts/escape.ts';
import { loadSuite } from '../suite/load-suite.ts';
import { openPlace, type PlaceOptions } from './place.ts';

/** An answer: its text, or its text with the tool calls. Any other value is graded as JSON. */
export type Answer = string | { readonly text: string; readonly toolCalls?: Output['toolCalls'] };

/** A yes/no question about the answer. `must`: a no fails the rubric whatever the others say. */
export type RubricCriterion =
  | string
  | { readonly id?: string; readonly ask: string; readonly weight?: number; readonly must?: boolean };

/** How long a judge's service that is down is waited for: less than a test may take by default. */
const OUTAGE_MS = 2000;

interface AskOptions extends PlaceOptions {
  /** How long a service that is down is waited for, in milliseconds (default 2,000). */
  readonly outageMs?: number | undefined;
}

export interface RubricOptions extends AskOptions {
  /** The judge's release: a file, or a name under `releases/`. */
  readonly judge: string;
  /** Share of the weights that must be met. Default 1. */
  readonly threshold?: number | undefined;
  /** What was asked, for the judge to see. */
  readonly input?: string | undefined;
  /** The reference answer, for the judge to see. */
  readonly expected?: string | undefined;
}

export interface BehaviourOptions extends AskOptions {
  /** The suite: a name under `suites/`, a folder or a file. */
  readonly suite: string;
  /** The case whose graders the answer must pass. */
  readonly case: string;
  /** Another judge than the suite's. */
  readonly judge?: string | undefined;
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Does the answer meet the criteria, by the judge? */
export async function toPassRubric(
  received: unknown,
  criteria: readonly RubricCriterion[],
  options?: RubricOptions,
): Promise<MatcherResult> {
  const { judge } = options ?? {};
  if (judge === undefined) {
    throw new LastgoodError({
      code: 'RUBRIC_NO_JUDGE',
      message: 'toPassRubric asks a judge, and none is named',
      hint: "toPassRubric([…], { judge: 'releases/judge.yaml' })",
    });
  }
  const release = await loadRelease(await findReleaseFile(judge, resolve(options?.cwd ?? '.')));
  const spec = rubricOf(criteria, options?.threshold ?? 1);
  const asked = caseOf(spec, options?.input, options?.expected);
  return verdict(received, asked, { judge: release, embedder: null }, options ?? {}, 'the rubric');
}

/** Does the answer show the behaviour that a case of a suite demands? The release is not called. */
export async function toMatchBehaviour(received: unknown, options: BehaviourOptions): Promise<MatcherResult> {
  const cwd = resolve(options.cwd ?? '.');
  const suite = await loadSuite(await findSuiteFile(options.suite, cwd));
  const asked = suite.cases.find((c) => c.id === options.case);
  if (asked === undefined) {
    throw new LastgoodError({
      code: 'CASE_NOT_FOUND',
      message: `suite "${suite.name}" has no case ${JSON.stringify(options.case)}`,
      where: { file: suite.file ?? undefined },
    });
  }
  const judge = options.judge === undefined ? undefined : await findReleaseFile(options.judge, cwd);
  const only = { ...suite, cases: [asked] };
  return verdict(
    received,
    asked,
    await loadExaminers(only, judge),
    options,
    `case ${JSON.stringify(asked.id)}`,
  );
}

function rubricOf(asks: readonly RubricCriterion[], threshold: number): GraderSpec {
  const criteria = asks.map((given, i): Criterion => {
    const {
      id,
      ask,
      weight = 1,
      must = false,
    } = typeof given === 'string' ? ({ ask: given } as Exclude<RubricCriterion, string>) : given;
    return { kind: 'ask', id: id ?? `criterion-${i + 1}`, ask, weight, must };
  });
  return {
    id: 'rubric',
    type: 'rubric',
    negate: false,
    weight: 1,
    required: true,
    options: { criteria, threshold },
  };
}

function caseOf(spec: GraderSpec, input: string | undefined, expected: string | undefined): Case {
  const content = {
    vars: {},
    messages: input === undefined ? null : [{ role: 'user' as const, content: input }],
    expected,
  };
  return {
    ...content,
    id: 'answer',
    tags: [],
    group: null,
    critical: false,
    graders: [spec],
    trials: 1,
    minPassRate: null,
    source: null,
    meta: {},
    contentHash: caseContentHash(content),
    gradersHash: gradersHash([spec]),
    where: {},
  };
}

/** A grade that failed is an error, under `not` too: it is neither a pass nor a wrong answer. */
async function verdict(
  received: unknown,
  asked: Case,
  examiners: { readonly judge: Release | null; readonly embedder: Release | null },
  options: AskOptions,
  against: string,
): Promise<MatcherResult> {
  const { work } = await openPlace(options);
  try {
    const open = await openExaminers(work, examiners, {
      programs: programsOf([asked]),
      limits: { outageMs: options.outageMs ?? OUTAGE_MS },
    });
    try {
      const output = outputOf(received);
      const { grades } = await open.grader.gradeTrial(asked, answeredWith(asked.id, output), work.signal);
      const ungraded = grades.filter((g) => g.status === 'ungraded' && g.required);
      if (ungraded.length > 0 || grades.length === 0) {
        throw new LastgoodError({
          code: 'NOT_MEASURED',
          message: `the answer was not graded by ${against}, so it neither passed nor failed\n${lines(ungraded)}`,
          exitCode: 4,
        });
      }
      const failing = grades.filter((g) => g.status === 'scored' && g.required && !g.pass);
      const pass = failing.length === 0;
      return {
        pass,
        message: () =>
          `the answer ${pass ? 'meets' : 'does not meet'} ${against}\n${lines(pass ? grades : failing)}`,
        actual: output.text,
        expected: asked.expected,
      };
    } finally {
      await open.close();
    }
  } finally {
    await work.store.close();
  }
}

function lines(grades: readonly Grade[]): string {
  return grades.map((g) => `  grader ${g.graderId}: ${terminalText(g.reason)}`).join('\n');
}

function outputOf(received: unknown): Output {
  if (typeof received === 'string') return { text: received, toolCalls: [] };
  const { text, toolCalls } = (received ?? {}) as { text?: unknown; toolCalls?: Output['toolCalls'] };
  if (typeof text === 'string') return { text, toolCalls: toolCalls ?? [] };
  return { text: JSON.stringify(received) ?? String(received), toolCalls: [] };
}

function answeredWith(caseId: string, output: Output) {
  return {
    caseId,
    trial: 0,
    status: 'answered' as const,
    attempts: [],
    sent: null,
    output,
    stopReason: 'unknown' as const,
    served: { model: null, systemFingerprint: null, serviceTier: null, region: null, requestId: null },
    usage: null,
    latencyMs: null,
    costUsd: null,
    droppedParams: [],
  };
}

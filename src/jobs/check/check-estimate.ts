// What a check will call and what it may cost, before it calls anything; and whether it can call at all.

import { LastgoodError, LastgoodErrors } from '../../base/index.ts';
import { CONFIRM_TRIALS, SORT_TRIALS } from '../../compare/index.ts';
import { type CheckEstimate, costOf, type Release, type Suite } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { openPrograms } from '../../engine/examiners/judge-examiners.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import { estimateRun, streamJobs } from '../../run/index.ts';
import { withTrials } from '../../suite/with-trials.ts';
import { designOf } from './check-steps.ts';
import type { SuitePlan } from './check-suite.ts';

/** Errors that say "not here": the files are right, this machine has no key. */
const MISSING = new Set(['PROVIDER_NO_KEY', 'ENV_MISSING']);

/** What is missing for calls to subject, judge, embedder or graders outside this process; null when nothing is. Makes no call. */
export async function missingKeys(
  work: Workplace,
  { release, judge, embedder, programs }: Assignment,
): Promise<string | null> {
  const neededBy = new Map<string, string[]>();
  for (const one of [release, judge, embedder]) {
    if (one === null) continue;
    for (const problem of await missingFor(() => providerOf(work, one)))
      neededBy.set(problem, [...(neededBy.get(problem) ?? []), one.name]);
  }
  for (const problem of await missingFor(() => openPrograms(work, programs)))
    neededBy.set(problem, [...(neededBy.get(problem) ?? []), 'a grader']);
  const problems = [...neededBy].map(([problem, names]) => `${problem} (needed by ${names.join(', ')})`);
  return problems.length === 0 ? null : problems.join('; ');
}

/** Short sentences, the same for everything that lacks the same thing. */
async function missingFor(open: () => Promise<{ close?(): Promise<void> } | null>): Promise<string[]> {
  try {
    await (await open())?.close?.();
    return [];
  } catch (error) {
    const errors =
      error instanceof LastgoodErrors ? error.errors : error instanceof LastgoodError ? [error] : [];
    if (errors.length === 0 || errors.some((e) => !MISSING.has(e.code))) throw error;
    return errors.map((e) => /^environment variable \S+ is not set/.exec(e.message)?.[0] ?? e.message);
  }
}

/** Most cases that are given fresh trials of both releases: a tenth, at least ten, and every critical one. */
function mostConfirmed({ cases }: Suite): number {
  const critical = cases.filter((c) => c.critical).length;
  return Math.min(cases.length, Math.max(10, Math.ceil(0.1 * cases.length)) + critical);
}

/** Recorded answers cannot be asked for afresh. */
export function canConfirm(release: Release): boolean {
  return release.layers.route.provider !== 'replay';
}

/** The estimate with the cases added that are run apart. */
export async function withFirstRun(
  work: Workplace,
  estimate: CheckEstimate | null,
  { suite, release }: Assignment,
): Promise<CheckEstimate> {
  const provider = await providerOf(work, release);
  try {
    const { calls, callsUpper, costUpperUsd } = estimateRun(
      streamJobs({ cases: suite.cases, release, provider }),
      {
        costOf: (model, usage) => costOf(work.prices, model, usage),
      },
    );
    const before = estimate ?? { calls: 0, callsLeast: 0, confirmationCalls: 0, costUpperUsd: 0 };
    return {
      ...before,
      calls: before.calls + callsUpper,
      callsLeast: before.callsLeast + calls,
      costUpperUsd:
        before.costUpperUsd === null || costUpperUsd === null ? null : before.costUpperUsd + costUpperUsd,
    };
  } finally {
    await provider.close?.();
  }
}

/** What the estimate of one suite depends on. */
interface Planned extends Pick<SuitePlan, 'tier' | 'standing' | 'reuse' | 'control'> {}

/** Upper bounds for one suite: the whole screening; and every flagged case, and a control of the whole suite, at its longest. */
export async function estimateCheck(
  work: Workplace,
  { suite, release }: Assignment,
  { tier, standing, reuse, control }: Planned,
): Promise<CheckEstimate> {
  const provider = await providerOf(work, release);
  try {
    const one = withTrials(suite, 1);
    const stage = estimateRun(streamJobs({ cases: one.cases, release, provider }), {
      costOf: (model, usage) => costOf(work.prices, model, usage),
    });
    const n = suite.cases.length;
    const design = designOf(tier, standing.rungs[0].trials);
    const done = n * (reuse?.trials ?? 0);
    const calls = Math.max(0, n * (design.screening.at(-1) ?? 1) - done);
    const sorted = canConfirm(release) ? SORT_TRIALS * n : 0;
    // Two batches in both arms; and a control at its last look, twice as long where the world moved.
    const settled =
      control.kind === 'impossible'
        ? 0
        : 2 * 2 * CONFIRM_TRIALS * mostConfirmed(suite) + 2 * 2 * n * (design.control.at(-1) ?? 1);
    // A trial of a conversation takes several calls.
    const [least, most] = n === 0 ? [1, 1] : [stage.calls / n, stage.callsUpper / n];
    const callsUpper = Math.ceil(calls * most);
    const confirmationCalls = Math.ceil((sorted + settled) * most);
    return {
      calls: callsUpper,
      callsLeast: Math.floor(Math.max(0, n * (design.screening[0] ?? 1) - done) * least),
      confirmationCalls,
      costUpperUsd:
        stage.callCostUpperUsd === null ? null : (callsUpper + confirmationCalls) * stage.callCostUpperUsd,
    };
  } finally {
    await provider.close?.();
  }
}

// What a check will call and what it may cost, before it calls anything; and whether it can call at all.

import {
  type CheckEstimate,
  costOf,
  LastgoodError,
  LastgoodErrors,
  type Release,
  type Suite,
} from '../../core/index.ts';
import { estimateRun, streamJobs } from '../../run/index.ts';
import { TIERS } from '../compare/compare-plan.ts';
import type { Standing } from '../compare/multiplicity.ts';
import type { TakenOver } from '../compare/taken-over.ts';
import type { Assignment } from '../run/assignment.ts';
import { providerOf, type Workplace } from '../workplace.ts';

/** Errors that say "not here": the files are right, this machine has no key. */
const MISSING = new Set(['PROVIDER_NO_KEY', 'ENV_MISSING']);

/** What is missing for calls to subject, judge or embedder; null when nothing is. Makes no call. */
export async function missingKeys(
  work: Workplace,
  { release, judge, embedder }: Assignment,
): Promise<string | null> {
  const neededBy = new Map<string, string[]>();
  for (const one of [release, judge, embedder]) {
    if (one === null) continue;
    for (const problem of await missingFor(work, one))
      neededBy.set(problem, [...(neededBy.get(problem) ?? []), one.name]);
  }
  const told = [...neededBy].map(([problem, names]) => `${problem} (needed by ${names.join(', ')})`);
  return told.length === 0 ? null : told.join('; ');
}

/** Short sentences, the same for every release that lacks the same thing. */
async function missingFor(work: Workplace, release: Release): Promise<string[]> {
  try {
    const provider = await providerOf(work, release);
    await provider.close?.();
    return [];
  } catch (error) {
    const errors =
      error instanceof LastgoodErrors ? error.errors : error instanceof LastgoodError ? [error] : [];
    if (errors.length === 0 || errors.some((e) => !MISSING.has(e.code))) throw error;
    return errors.map((e) => /^environment variable \S+ is not set/.exec(e.message)?.[0] ?? e.message);
  }
}

/** Most cases that are given fresh trials: as many as the screen picks at most, and every critical one. */
function mostFlagged({ cases }: Suite): number {
  const critical = cases.filter((c) => c.critical).length;
  return Math.min(cases.length, Math.max(5, Math.ceil(0.1 * cases.length)) + critical);
}

/** Recorded answers cannot be asked for afresh. */
export function canConfirm(release: Release): boolean {
  return release.layers.route.provider !== 'replay';
}

/** Upper bounds for one suite. */
export async function estimateCheck(
  work: Workplace,
  { suite, release }: Assignment,
  { rungs }: Standing,
  reuse: TakenOver | null,
): Promise<CheckEstimate> {
  const provider = await providerOf(work, release);
  try {
    const stage = estimateRun(streamJobs({ cases: suite.cases, release, provider }), {
      costOf: (model, usage) => costOf(work.prices, model, usage),
    });
    // At each rung what is newly flagged, and at the most all that was flagged before.
    const most = mostFlagged(suite);
    const tested = rungs.reduce((sum, _, i) => sum + Math.min(suite.cases.length, (i + 1) * most), 0);
    const confirmationCalls = canConfirm(release) ? tested * TIERS.std.confirmTrials : 0;
    const done = suite.cases.length * (reuse?.trials ?? 0);
    return {
      calls: Math.max(0, stage.calls - done),
      callsLeast: rungs.length === 1 ? stage.calls - done : suite.cases.length * rungs[0].trials - done,
      confirmationCalls,
      costUpperUsd:
        stage.costUpperUsd === null || stage.callCostUpperUsd === null
          ? null
          : stage.costUpperUsd + confirmationCalls * stage.callCostUpperUsd,
    };
  } finally {
    await provider.close?.();
  }
}

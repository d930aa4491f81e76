// What a change takes from its own exam: policy, floors, criticality, graders, judge. Named in the report, whichever exam decides.

import { type Policy, resolvePolicy } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';

/** One change of the exam in a sentence; `weaker` = it can only let more pass. */
export interface ExamChange {
  readonly what: string;
  readonly weaker: boolean;
}

type Exam = Pick<Assignment, 'suite' | 'judge' | 'embedder'>;

/** Cases named per sentence. */
const NAMED = 5;

export function examChanges(was: Exam, now: Exam): ExamChange[] {
  const changes = policyChanges(resolvePolicy(was.suite.policy), resolvePolicy(now.suite.policy));
  const demoted: string[] = [];
  const lowered: string[] = [];
  const fewer: string[] = [];
  const regraded: string[] = [];
  const old = new Map<string, Kept>();
  for (const { id, critical, minPassRate, trials, gradersHash } of was.suite.cases)
    old.set(id, { critical, minPassRate, trials, gradersHash });
  for (const c of now.suite.cases) {
    const before = old.get(c.id);
    if (before === undefined) continue;
    if (before.critical && !c.critical) demoted.push(c.id);
    if ((before.minPassRate ?? 0) > (c.minPassRate ?? 0)) lowered.push(c.id);
    if (before.trials > c.trials) fewer.push(c.id);
    if (before.gradersHash !== c.gradersHash) regraded.push(c.id);
  }
  const cases = (ids: readonly string[], what: string, weaker: boolean): void => {
    if (ids.length > 0) changes.push({ what: `${what}: ${named(ids)}`, weaker });
  };
  cases(demoted, 'no longer critical', true);
  cases(lowered, 'lower min-pass-rate', true);
  cases(fewer, 'fewer trials', true);
  cases(regraded, 'other graders', false);
  if (was.judge?.fingerprint !== now.judge?.fingerprint)
    changes.push({ what: `judge: ${short(was.judge)} → ${short(now.judge)}`, weaker: false });
  if (was.embedder?.fingerprint !== now.embedder?.fingerprint)
    changes.push({ what: `embedder: ${short(was.embedder)} → ${short(now.embedder)}`, weaker: false });
  return changes;
}

interface Kept {
  readonly critical: boolean;
  readonly minPassRate: number | null;
  readonly trials: number;
  readonly gradersHash: string;
}

function named(ids: readonly string[]): string {
  const sorted = [...ids].sort();
  const rest = sorted.length - NAMED;
  return `${sorted.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function short(release: { readonly fingerprint: string } | null): string {
  return release?.fingerprint.slice(0, 12) ?? 'none';
}

/** Fails and warnings in order of how much they hold up. */
const STRICTNESS = { off: 0, warn: 1, fail: 2 } as const;

function policyChanges(was: Policy, now: Policy): ExamChange[] {
  const changes: ExamChange[] = [];
  const note = (key: string, a: unknown, b: unknown, weaker: boolean): void => {
    if (a !== b) changes.push({ what: `policy ${key}: ${shown(a)} → ${shown(b)}`, weaker });
  };
  note('margin', was.margin, now.margin, now.margin > was.margin);
  note('confidence', was.confidence, now.confidence, false);
  note('min-pass-rate', was.minPassRate, now.minPassRate, (now.minPassRate ?? 0) < (was.minPassRate ?? 0));
  for (const tag of new Set([...Object.keys(was.tagMinPassRate), ...Object.keys(now.tagMinPassRate)])) {
    const [a, b] = [was.tagMinPassRate[tag] ?? null, now.tagMinPassRate[tag] ?? null];
    note(`tags.${tag}.min-pass-rate`, a, b, (b ?? 0) < (a ?? 0));
  }
  note('alpha.aggregate', was.alphaAggregate, now.alphaAggregate, now.alphaAggregate < was.alphaAggregate);
  note('alpha.case', was.alphaCase, now.alphaCase, now.alphaCase < was.alphaCase);
  note('alpha.list', was.alphaList, now.alphaList, now.alphaList < was.alphaList);
  note('require-margin', was.requireMargin, now.requireMargin, now.requireMargin);
  note('tier', was.tier, now.tier, false);
  note('app-error', was.appError, now.appError, now.appError === 'missing');
  note('max-missing', was.maxMissing, now.maxMissing, now.maxMissing > was.maxMissing);
  note('max-invalid', was.maxInvalid, now.maxInvalid, now.maxInvalid > was.maxInvalid);
  for (const channel of ['length', 'latency', 'cost', 'embedding'] as const) {
    const [a, b] = [was.channels[channel], now.channels[channel]];
    note(`channels.${channel}`, a, b, STRICTNESS[b] < STRICTNESS[a]);
  }
  return changes;
}

function shown(value: unknown): string {
  return value === null ? 'none' : String(value);
}

// What the ledger shows of a release on a suite: its newest measurement, and everything that speaks against pointing to it.

import { when } from '../../base/numbers.ts';
import { floorRules } from '../../compare/index.ts';
import {
  type Comparison,
  type RollbackDecision,
  resolvePolicy,
  type SnapshotStore,
  type SnapshotSummary,
} from '../../core/index.ts';

const MEASURING = ['run', 'verification', 'compare'] as const;

export interface Evidence {
  /** The newest valid snapshot; null = there is none. */
  readonly snapshot: SnapshotSummary | null;
  /** Why it does not show that the release is good; empty = it does. */
  readonly doubts: readonly string[];
  /** Why the release was withdrawn; null = it was not. */
  readonly withdrawn: string | null;
}

/** Valid snapshots that this ledger measured itself, newest first. */
export async function measurements(
  store: SnapshotStore,
  suite: string,
  fingerprint: string,
): Promise<readonly SnapshotSummary[]> {
  const all = await store.list({ suite, fingerprint, purposes: MEASURING });
  return all.filter((s) => s.state === 'finished' && s.validity === 'valid' && s.imported !== true);
}

export async function evidenceOf(
  store: SnapshotStore,
  suite: string,
  fingerprint: string,
): Promise<Evidence> {
  const [snapshot] = await measurements(store, suite, fingerprint);
  const withdrawn = await withdrawnBy(store, suite, fingerprint);
  if (snapshot === undefined)
    return { snapshot: null, withdrawn, doubts: [`there is no valid snapshot of it on the suite ${suite}`] };
  const doubts: string[] = [];
  const rules = floorRules(
    await store.results(snapshot.id),
    resolvePolicy(await store.policyOf(snapshot.id)),
  );
  for (const rule of rules) if (rule.outcome !== 'pass') doubts.push(rule.message);
  const comparison = await newestComparison(store, suite, (c) => c.candidate.fingerprint === fingerprint);
  const held = comparison?.gate.outcome;
  if (comparison !== null && (comparison.verdict === 'regressed' || held === 'fail'))
    doubts.push(`its newest comparison says ${comparison.verdict}, gate ${held} (${comparison.reason})`);
  const blessed = (await blessedOf(store, suite, fingerprint)).length > 0;
  const verified = (await verifiedAt(store, suite, fingerprint)) !== null;
  if (doubts.length === 0 && rules.length === 0 && held !== 'pass' && !blessed && !verified)
    doubts.push(
      `nothing says that ${snapshot.id} is good: the suite has no min-pass-rate, no comparison passed, no rollback verified it, and it is not blessed`,
    );
  return { snapshot, doubts, withdrawn };
}

/** The newest stored comparison that fits; null = none. */
export async function newestComparison(
  store: SnapshotStore,
  suite: string,
  fits: (c: Comparison) => boolean,
): Promise<Comparison | null> {
  const all = (await store.records('comparison', suite)).map((r) => r.body as unknown as Comparison);
  return all.findLast(fits) ?? null;
}

/** When a rollback last ran it as its target and found it good; null = none did. */
async function verifiedAt(store: SnapshotStore, suite: string, fingerprint: string): Promise<string | null> {
  const found = (await store.records('rollback', suite)).findLast((r) => {
    const { decision, target } = r.body as unknown as RollbackDecision;
    return decision === 'verified' && target?.fingerprint === fingerprint;
  });
  return found?.at ?? null;
}

/** A rollback led away from it, and since then no snapshot of it was blessed and no rollback verified it. */
async function withdrawnBy(store: SnapshotStore, suite: string, fingerprint: string): Promise<string | null> {
  const rollback = (await store.records('rollback', suite)).findLast((r) => {
    const { decision, current } = r.body as unknown as RollbackDecision;
    return decision !== 'none' && current.fingerprint === fingerprint;
  });
  if (rollback === undefined) return null;
  const blessings = await blessedOf(store, suite, fingerprint);
  if (blessings.some((at) => at > rollback.at)) return null;
  const verified = await verifiedAt(store, suite, fingerprint);
  if (verified !== null && verified > rollback.at) return null;
  const { target } = rollback.body as unknown as RollbackDecision;
  return `a rollback of ${when(rollback.at)} UTC replaced it${target === null ? '' : ` by ${target.release}`}`;
}

/** Times at which snapshots of it were blessed. */
async function blessedOf(
  store: SnapshotStore,
  suite: string,
  fingerprint: string,
): Promise<readonly string[]> {
  const ids = new Set((await store.list({ suite, fingerprint })).map((s) => s.id));
  return (await store.blessings(suite)).filter((b) => ids.has(b.snapshot)).map((b) => b.at);
}

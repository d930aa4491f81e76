// The newest release that was shown to work as a rollback target, and the newest drill. Nothing is verified here, only read.

import type { DrillReport, PlaybookTarget, RejectionReason, RollbackDecision } from '../../core/index.ts';
import { newestDrill } from '../../engine/records/drill-record.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { evidenceOf } from '../registry/evidence.ts';

/** A later rollback found that the release does not work as a target any more. */
const REFUTED: readonly RejectionReason[] = [
  'verification_failed',
  'contained_regression',
  'retired_model',
  'unreachable',
];

/** Verified by a rollback or restored by a drill, not withdrawn and not refuted since; null = there is none. */
export async function lastTarget(
  work: Pick<Workplace, 'store' | 'clock'>,
  suite: string,
): Promise<PlaybookTarget | null> {
  const { store } = work;
  const rollbacks = (await store.records('rollback', suite)).map((r) => ({
    at: r.at,
    decision: r.body as unknown as RollbackDecision,
  }));
  const found = [
    ...rollbacks.flatMap(({ at, decision }) => verifiedBy(at, decision)),
    ...(await store.records('drill', suite)).flatMap((r) => restoredBy(r.body as unknown as DrillReport)),
  ].sort((a, b) => (a.at < b.at ? 1 : -1));
  for (const one of found) {
    const refuted = rollbacks.some(
      ({ at, decision }) =>
        at > one.at &&
        decision.rejected.some((r) => r.fingerprint === one.fingerprint && REFUTED.includes(r.reason)),
    );
    if (refuted || (await evidenceOf(store, suite, one.fingerprint)).withdrawn !== null) continue;
    const run = await snapshotOf(work, one.snapshot);
    // Without its run nothing shows any more that it worked.
    if (run === null) continue;
    return { ...one, release: one.release ?? run.release, simulated: one.simulated || run.simulated };
  }
  return null;
}

type Found = Omit<PlaybookTarget, 'release'> & { readonly release: string | null };

function verifiedBy(at: string, { decision, target, verification }: RollbackDecision): Found[] {
  if (decision !== 'verified' || target === null || verification === null) return [];
  const { fingerprint, release } = target;
  return [{ release, fingerprint, snapshot: verification.snapshot, at, by: 'rollback', simulated: false }];
}

function restoredBy({ at, proofs, where }: DrillReport): Found[] {
  return proofs.flatMap((p): Found[] =>
    p.name === 'restore model and prompt' && p.outcome === 'proven' && p.fingerprint !== null
      ? [
          {
            ...{ release: null, fingerprint: p.fingerprint, snapshot: p.snapshot, at, by: 'drill' },
            simulated: where.kind === 'simulator',
          },
        ]
      : [],
  );
}

async function snapshotOf(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  id: string | null,
): Promise<{ readonly release: string; readonly simulated: boolean } | null> {
  if (id === null) return null;
  return store.resolve(id, { now: clock.now() }).catch(() => null);
}

/** The newest drill of a suite, and how long it took; null = there never was one. */
export async function lastDrillOf(
  work: Pick<Workplace, 'store'>,
  suite: string,
): Promise<{
  readonly at: string;
  readonly outcome: string;
  readonly where: 'simulator' | 'staging';
  readonly elapsedMs: number;
} | null> {
  const record = await newestDrill(work, suite);
  if (record === null) return null;
  const { outcome, where, proofs } = record.body as unknown as DrillReport;
  const elapsedMs = proofs.reduce((sum, p) => sum + p.elapsedMs, 0);
  return { at: record.at, outcome, where: where.kind, elapsedMs };
}

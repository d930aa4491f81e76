// The rollback target that may be applied: decided about the release in force, proven by running it, not long ago.

import { LastgoodError, shortHash } from '../../base/index.ts';
import { when } from '../../base/numbers.ts';
import type { AppliedSpec } from '../../core/applied-rollback.ts';
import type { RollbackDecision, SnapshotStore } from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

const HOUR_MS = 3_600_000;
/** A target that was shown to work longer ago may not work any more. */
const VERIFIED_HOURS = 24;
/** Clocks of two machines may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

export interface Verified {
  readonly target: AppliedSpec['target'];
}

/** Why there is none, as it is thrown by `refuseUnverified` and listed by a dry run. */
export interface NotVerified {
  readonly why: string;
}

/** The newest verified decision about this release. Later runs that refuted its target take it away. */
export async function findVerified(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  suite: string,
  replaced: { readonly release: string; readonly fingerprint: string },
): Promise<Verified | NotVerified> {
  const decisions = (await store.records('rollback', suite))
    .map(({ at, body }) => ({ at, decision: body as unknown as RollbackDecision }))
    .filter(({ decision }) => decision.current.fingerprint === replaced.fingerprint);
  const about = `${replaced.release} ${shortHash(replaced.fingerprint)}`;
  const index = decisions.findLastIndex(({ decision: d }) => d.decision === 'verified' && d.target !== null);
  const found = decisions[index];
  if (found === undefined)
    return { why: `no rollback decision of the suite ${suite} verified a target for ${about}` };
  const { at, decision } = found;
  const { target, verification } = decision;
  if (target === null || verification?.outcome !== 'verified')
    return { why: `the decision of ${when(at)} UTC names a target that no run proved` };
  const name = `${target.release} ${shortHash(target.fingerprint)}`;
  const ageMs = clock.now().getTime() - Date.parse(at);
  if (!(ageMs <= VERIFIED_HOURS * HOUR_MS && ageMs >= -CLOCK_TOLERANCE_MS))
    return { why: `${name} was verified on ${when(at)} UTC, not within the last ${VERIFIED_HOURS} hours` };
  const refuted = decisions.slice(index + 1).some(({ decision: d }) => failsLater(d, target.fingerprint));
  if (refuted) return { why: `${name} was verified on ${when(at)} UTC, and a later run of it failed` };
  const proof = await proofOf(store, suite, verification.snapshot);
  if (proof === null || proof.fingerprint !== target.fingerprint)
    return {
      why: `the run ${verification.snapshot} that verified ${name} is not a valid run of this ledger`,
    };
  const { release, fingerprint, hybrid, layersRestored } = target;
  return {
    target: {
      ...{ release, fingerprint, hybrid, layersRestored },
      ...{ snapshot: proof.id, decidedAt: at, simulated: proof.simulated },
    },
  };
}

function failsLater({ rejected, verification, target }: RollbackDecision, fingerprint: string): boolean {
  if (target?.fingerprint === fingerprint && verification?.outcome === 'failed') return true;
  return rejected.some((r) => r.fingerprint === fingerprint && r.reason === 'verification_failed');
}

/** The run itself, where this ledger made it: a record alone, or a file from elsewhere, proves nothing. */
async function proofOf(store: SnapshotStore, suite: string, snapshot: string) {
  const all = await store.list({ suite });
  const found = all.find((s) => s.id === snapshot);
  return found?.state === 'finished' && found.validity === 'valid' && found.imported !== true ? found : null;
}

/** The snapshot of a release that a search can start from: its newest run; null = it was never run. */
export async function incidentOf(
  store: SnapshotStore,
  suite: string,
  fingerprint: string,
): Promise<string | null> {
  const runs = await store.list({ suite, fingerprint, purposes: ['run', 'compare'] });
  return runs.find((s) => s.state === 'finished')?.id ?? null;
}

export function unverified(
  why: string,
  next: { readonly feature: string; readonly suite: string; readonly exitCode: 3 | 5 },
): LastgoodError {
  const { feature, suite, exitCode } = next;
  return new LastgoodError({
    code: 'ROLLBACK_UNVERIFIED',
    message: `nothing was changed for ${feature}: ${why}`,
    hint: `lastgood rollback ${suite} shows why each candidate was refused; ai.tools.enabled, ai.action.mode and lastgood stop protect users meanwhile`,
    exitCode,
  });
}

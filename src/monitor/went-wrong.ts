// Which production answers went wrong, and how: by what was measured, and by what users did with them.

import type { StoredObservation } from '../core/observation.ts';

/** Smaller edits are taste: a name, a greeting. */
const EDITED = 0.1;

/** Why an answer counts as gone wrong, as tags; empty where nothing says so. What is not known is no reason. */
export function whatWentWrong({
  measures,
  outcome,
}: Pick<StoredObservation, 'measures' | 'outcome'>): string[] {
  const flags = outcome?.flags ?? {};
  const reasons: readonly (readonly [reason: string, holds: boolean])[] = [
    ['error', measures.failed],
    ['schema-failure', measures.schemaValid === false],
    ['blocked', measures.blocked === true],
    ['refused', measures.refusal === true],
    ['edited', (outcome?.edited ?? 0) >= EDITED],
    ['overridden', flags.overridden === true],
    ['dismissed', flags.dismissed === true],
    ['retried', flags.retried === true],
    ['restarted', flags.restarted === true],
    ['abandoned', flags.abandoned === true],
    ['manual-path', flags.manual_path === true],
    ['rejected', outcome?.review === 'rejected'],
    ['complaint', flags.complaint === true],
    ['not-completed', flags.completed === false],
  ];
  return reasons.filter(([, holds]) => holds).map(([reason]) => reason);
}

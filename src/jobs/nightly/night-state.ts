// What a night is called in the end, why, and which command follows.

import { lookReason } from '../../compare/decide-night.ts';
import { asReason, type InWords, reason, reasonOf } from '../../core/index.ts';
import type { NightState } from '../../engine/records/night-records.ts';
import type { Episode } from './episodes.ts';
import type { Night } from './night.ts';
import { NIGHTS_TO_BLESS } from './night-count.ts';

export function stateOf(
  night: Night,
  episode: Episode | null,
  without: number,
): { readonly state: NightState; readonly reason: string } & InWords {
  const { decision } = night;
  if (night.waits) {
    const { fatal, stoppedBy } = night.spent;
    const why =
      stoppedBy === 'deadline' ? 'a batch was not back at the deadline (--deadline)' : fatal?.message;
    return { state: 'unknown', reason: `${why ?? 'a batch is not back'}; nothing is decided` };
  }
  if (decision === null) {
    if (night.summary.validity === 'invalid')
      return { state: 'unknown', reason: `the run is invalid (${night.summary.validityReasons.join('; ')})` };
    const nights = without > 1 ? `, after ${without} nights` : '';
    return {
      state: 'no-baseline',
      reason: `nothing to compare with: the suite has no baseline yet${nights}; from night ${NIGHTS_TO_BLESS} on this is exit 3`,
    };
  }
  const why = reasonOf(decision);
  if (decision.looks.length === 0) return { state: 'unknown', ...asReason(why) };
  if (episode?.last === 'recovered') return { state: 'recovered', ...asReason(why) };
  if (episode?.last === 'still') {
    const [first] = decision.looks;
    const better = episode.quiet.length > 0 ? '; better, but not yet proven to be well' : '';
    return {
      state: 'still',
      ...asReason(
        reason`${decision.outcome === 'alarm' || first === undefined ? why : lookReason(first)}${better}`,
      ),
    };
  }
  // A run that a limit cut short cannot vouch for what it did not see.
  if (night.spent.stoppedBy !== null && decision.outcome !== 'alarm')
    return {
      state: 'unknown',
      ...asReason(reason`${why}; the run was stopped early (${night.spent.stoppedBy})`),
    };
  return { state: decision.outcome, ...asReason(why) };
}

export function nextStep(state: NightState, night: Night, blessed: boolean): string {
  const { id, suite } = night.summary;
  const shown = /^[\w.-]+$/.test(suite) ? suite : JSON.stringify(suite);
  if (night.waits) return 'run the same command again later: it continues with the batch';
  if (!blessed)
    return night.summary.state === 'finished' && night.summary.validity !== 'invalid'
      ? `lastgood bless ${id} --why TEXT`
      : `lastgood show ${id}`;
  if (state === 'alarm' || state === 'still')
    return `lastgood rollback ${shown} --from ${night.rerun?.summary.id ?? id}`;
  if (state === 'unknown' || state === 'watch') return `lastgood diff baseline ${id} --suite ${shown}`;
  return `lastgood status ${shown}`;
}

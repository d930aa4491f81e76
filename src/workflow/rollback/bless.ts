// Naming a baseline: a person's act, refused for evidence that would mislead.

import { type Blessing, LastgoodError } from '../../core/index.ts';
import type { Workplace } from '../workplace.ts';

/** Appends to the log. Invalid snapshots are never blessed; degraded, interrupted or unpinned ones only with a reason. */
export async function blessSnapshot(
  work: Workplace,
  input: {
    readonly ref: string;
    readonly by: string;
    readonly why: string;
    readonly suite?: string | undefined;
    readonly override?: string | undefined;
  },
): Promise<Blessing> {
  const now = work.clock.now();
  const s = await work.store.resolve(input.ref, { suite: input.suite, now });
  for (const [key, value] of [
    ['--by', input.by],
    ['--why', input.why],
  ] as const) {
    if (value.trim() === '')
      throw new LastgoodError({ code: 'BLESS_INCOMPLETE', message: `${key} must not be empty` });
  }
  if (s.state !== 'finished' || s.validity === 'invalid') {
    throw new LastgoodError({
      code: 'BLESS_INVALID',
      message: `${s.id} cannot be a baseline: it is ${s.state === 'finished' ? 'invalid' : s.state}${s.validityReasons.length > 0 ? ` (${s.validityReasons.join('; ')})` : ''}`,
      hint: 'bless a valid run, or run the suite again',
    });
  }
  const doubts: string[] = [];
  if (s.validity === 'degraded') doubts.push(`degraded: ${s.validityReasons.join('; ')}`);
  if (s.findings.some((f) => f.code === 'MODEL_FLOATING')) doubts.push('its model is a floating alias');
  if (s.purpose !== 'run' && s.purpose !== 'verification') doubts.push(`it was made for ${s.purpose}`);
  if (doubts.length > 0 && input.override === undefined) {
    throw new LastgoodError({
      code: 'BLESS_DOUBTFUL',
      message: `${s.id} would be a doubtful baseline: ${doubts.join('; ')}`,
      hint: 'bless another run, or say why with --override REASON',
    });
  }
  const blessing: Blessing = {
    snapshot: s.id,
    suite: s.suite,
    by: work.mask.text(input.by),
    why: work.mask.text(input.why),
    at: now.toISOString(),
    overrode: doubts.length > 0 ? [...doubts, `reason given: ${work.mask.text(input.override ?? '')}`] : [],
  };
  await work.store.bless(blessing);
  return blessing;
}

// Naming a baseline: a person's act, refused for evidence that would mislead.

import { LastgoodError } from '../../base/index.ts';
import type { Blessing } from '../../core/index.ts';
import { findPool } from '../../engine/comparison/find-pool.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** Appends to the log. Invalid snapshots are never blessed; degraded, interrupted or unpinned ones only with a reason. */
export async function blessSnapshot(
  work: Workplace,
  input: {
    readonly ref: string;
    /** Default: git's user. */
    readonly by?: string | undefined;
    readonly why?: string | undefined;
    readonly suite?: string | undefined;
    readonly override?: string | undefined;
  },
): Promise<Blessing> {
  const now = work.clock.now();
  const { by, why } = complete(input);
  const s = await work.store.resolve(input.ref, { suite: input.suite, now });
  if (s.state !== 'finished' || s.validity === 'invalid') {
    throw new LastgoodError({
      code: 'BLESS_INVALID',
      message: `${s.id} cannot be a baseline: it is ${s.state === 'finished' ? 'invalid' : s.state}${s.validityReasons.length > 0 ? ` (${s.validityReasons.join('; ')})` : ''}`,
      hint:
        s.state === 'interrupted'
          ? `finish it first: lastgood run --resume ${s.id}`
          : 'bless a valid run, or run the suite again',
    });
  }
  const doubts: string[] = [];
  if (s.validity === 'degraded') doubts.push(`degraded: ${s.validityReasons.join('; ')}`);
  if (s.findings.some((f) => f.code === 'MODEL_FLOATING')) doubts.push('its model is a floating alias');
  const other = s.findings.find((f) => f.code === 'SERVED_OTHER_MODEL');
  if (other !== undefined) doubts.push(other.message);
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
    by: work.mask.text(lineOf('--by', by)),
    why: work.mask.text(lineOf('--why', why)),
    at: now.toISOString(),
    overrode:
      doubts.length > 0
        ? [...doubts, `reason given: ${work.mask.text(lineOf('--override', input.override ?? ''))}`]
        : [],
  };
  await work.store.bless(blessing);
  if ((await findPool(work.store, s)).runs.length === 1)
    work.progress.warn({
      code: 'BLESSED_SINGLE_RUN',
      message: `${s.id} is the only good run of its release: by luck alone its pass rate may lie some points above or below the truth`,
      hint: 'run it on three nights, then bless the newest: all good runs of the release count together',
    });
  return blessing;
}

/** The log is shown wherever a baseline is: one line of text, and nothing that acts on the place it is shown. */
function lineOf(option: string, text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(line)?.[0];
  if (control === undefined) return line;
  const number = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw new LastgoodError({
    code: 'BLESS_CONTROL',
    message: `${option} holds the control character U+${number}, expected plain text`,
    hint: 'type the text anew; a terminal may have pasted its colours',
  });
}

/** Reports everything that is missing at once. */
function complete({
  ref,
  by,
  why,
}: {
  readonly ref: string;
  readonly by?: string | undefined;
  readonly why?: string | undefined;
}): {
  readonly by: string;
  readonly why: string;
} {
  const name = by?.trim() ?? '';
  const reason = why?.trim() ?? '';
  if (name !== '' && reason !== '') return { by: name, why: reason };
  const missing = [
    ...(name === '' ? [`who says so (--by NAME${by === undefined ? '; git knows no user.name' : ''})`] : []),
    ...(reason === '' ? ['why it is good (--why TEXT)'] : []),
  ];
  throw new LastgoodError({
    code: 'BLESS_INCOMPLETE',
    message: `a blessing needs ${missing.join(' and ')}`,
    hint: `lastgood bless ${ref}${name === '' ? ' --by NAME' : ''} --why "outputs read by hand"`,
  });
}

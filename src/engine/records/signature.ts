// Who decided, and why: what every decision in an append-only log must say.

import { LastgoodError, type SecretMask } from '../../base/index.ts';

const LONGEST = 500;

/** Trimmed, masked, one line each. Throws `WHO_AND_WHY` or `DECISION_TEXT`. */
export function signed(
  mask: SecretMask,
  given: {
    readonly by?: string | undefined;
    readonly why?: string | undefined;
    /** The command, for the hint. */
    readonly command: string;
  },
): { readonly by: string; readonly why: string } {
  const by = given.by?.trim() ?? '';
  const why = given.why?.trim() ?? '';
  const missing = [
    ...(by === ''
      ? [`who decided (--by NAME${given.by === undefined ? '; git knows no user.name' : ''})`]
      : []),
    ...(why === '' ? ['why (--why TEXT)'] : []),
  ];
  if (missing.length > 0)
    throw new LastgoodError({
      code: 'WHO_AND_WHY',
      message: `the log must say ${missing.join(' and ')}`,
      hint: `lastgood ${given.command}${by === '' ? ' --by NAME' : ''}${why === '' ? ' --why TEXT' : ''}`,
    });
  return { by: decisionText(mask, '--by', by), why: decisionText(mask, '--why', why) };
}

/** One line of a person, as it may be stored and shown anywhere. Throws `DECISION_TEXT`. */
export function decisionText(mask: SecretMask, option: string, text: string): string {
  const line = text.trim().replace(/\s+/g, ' ').toWellFormed();
  const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.exec(line)?.[0];
  if (control !== undefined)
    throw new LastgoodError({
      code: 'DECISION_TEXT',
      message: `${option} holds the control character U+${control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}, expected plain text`,
      hint: 'type the text again; a terminal may have pasted its colours',
    });
  if (line.length > LONGEST)
    throw new LastgoodError({
      code: 'DECISION_TEXT',
      message: `${option} has ${line.length} characters, expected at most ${LONGEST}`,
      hint: 'write the details into a ticket and name it',
    });
  return mask.text(line);
}

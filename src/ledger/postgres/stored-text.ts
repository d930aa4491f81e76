// Texts as PostgreSQL can keep them: its text has no U+0000, and UTF-8 has no lone surrogate.

import { canonicalJson, type JsonValue } from '../../base/json.ts';
import { wellFormed } from '../model/share-long-texts.ts';

/** U+0000 as U+0001 and `0`, U+0001 as U+0001 and `1`; nearly every text stays what it is. */
export function storedText(text: string): string {
  const whole = text.toWellFormed();
  return /[\u0000\u0001]/.test(whole)
    ? whole.replaceAll(/[\u0000\u0001]/g, (char) => (char === '\u0000' ? '\u00010' : '\u00011'))
    : whole;
}

export function storedTextOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : storedText(text);
}

/** The text that was stored. */
export function givenText(stored: string): string {
  return stored.includes('\u0001')
    ? stored.replaceAll(/\u0001([01])/g, (_, digit: string) => (digit === '0' ? '\u0000' : '\u0001'))
    : stored;
}

/** JSON as text: its control characters are escaped, so it needs nothing else. */
export function storedJson(value: JsonValue): string {
  return canonicalJson(wellFormed(value));
}

// The rules of a project for lines of production: what is stored, masked, redacted and priced.

import { secretMask, secretValues } from '../../base/secrets.ts';
import type { ObservationStoreMode } from '../../core/index.ts';
import { readPrices } from '../../engine/workplace/open-workplace.ts';
import { type RedactRule, readPrivacy, type StoreMode } from '../../engine/workplace/privacy.ts';
import { Cleaning } from '../import/cleaning.ts';
import type { LineRules } from './check-line.ts';

export interface LineRulesInput {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly redact: readonly RedactRule[];
  /** `store` of lastgood.yaml: `scores` stores no text of production either. */
  readonly projectStore: StoreMode | undefined;
  readonly store: ObservationStoreMode | undefined;
  readonly sample: number;
  readonly pricesFile: string | undefined;
  readonly now?: () => number;
}

/** Reads what the rules need. Throws as `readPrivacy` and the price file do. */
export async function lineRules(input: LineRulesInput): Promise<LineRules> {
  const privacy = await readPrivacy(input.redact, 'all');
  return {
    store: input.projectStore === 'scores' ? 'numbers' : (input.store ?? 'numbers'),
    sample: input.sample,
    cleaning: new Cleaning(secretMask(secretValues(input.environment)), null),
    privacy,
    prices: input.pricesFile === undefined ? null : await readPrices(input.pricesFile),
    now: input.now ?? Date.now,
  };
}

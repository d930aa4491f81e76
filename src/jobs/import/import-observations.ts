// lastgood import --from observations: cases of what production answered, above all of what went wrong.

import { basename, join, resolve } from 'node:path';
import { LastgoodError } from '../../base/errors.ts';
import type { SecretMask } from '../../base/secrets.ts';
import type { ImportResult } from '../../core/import-result.ts';
import type { ObservationStore } from '../../core/observation.ts';
import { timeRange } from '../../engine/production/time-range.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import { observationCase } from '../../intake/formats/stored-observations.ts';
import { Losses, slug } from '../../intake/index.ts';
import { whatWentWrong } from '../../monitor/went-wrong.ts';
import { Cleaning } from './cleaning.ts';
import { SuiteWriter } from './suite-writer.ts';

export interface ObservationsInput {
  readonly feature: string;
  readonly cwd: string;
  readonly now: Date;
  /** How far back in milliseconds, or since when. */
  readonly since: number | Date;
  /** Only answers that went wrong. */
  readonly failing: boolean;
  /** Folder of the suite (default `suites/FEATURE-observed`). */
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  readonly sample?: number | undefined;
  readonly seed?: number | undefined;
  readonly dryRun: boolean;
  readonly overwrite: boolean;
  readonly mask: SecretMask;
  readonly privacy: Privacy | null;
}

/** Writes the suite. Throws `NO_FEATURE`, or `IMPORT_EMPTY` where no stored answer can be asked again. */
export async function importObservations(
  store: ObservationStore,
  input: ObservationsInput,
): Promise<ImportResult> {
  const { feature, limit, sample, seed = 0, dryRun, overwrite } = input;
  await mustExist(store, feature);
  const to = input.to ?? join('suites', `${slug(feature, 50) || 'feature'}-observed`);
  const losses = new Losses();
  const cleaning = new Cleaning(input.mask, input.privacy);
  const writer = new SuiteWriter({
    dir: resolve(input.cwd, to),
    overwrite,
    dryRun,
    cleaning,
    losses,
    limit,
    sample: sample === undefined ? undefined : { size: sample, seed },
  });
  try {
    const place = { file: `observations of ${feature}`, line: null };
    let seen = 0;
    for await (const o of store.observations({ feature, ...timeRange(input.now, input.since) })) {
      const reasons = whatWentWrong(o);
      if (input.failing && reasons.length === 0) continue;
      seen++;
      // Rules of today hold for what was stored under earlier ones.
      const id = cleaning.text(input.privacy?.message(o.id) ?? o.id);
      const found = observationCase({ ...o, id }, reasons, { losses, place });
      if (found !== null) writer.add(found);
      if (writer.full) break;
    }
    if (writer.empty) throw nothing(feature, seen, losses, input.failing);
    const name = slug(basename(resolve(input.cwd, to)), 60) || 'observed';
    const description = `${input.failing ? 'Answers that went wrong' : 'Answers'} of ${feature}`;
    const { files, ...counts } = writer.finish({ description, releases: [], files: [] }, name);
    return {
      format: 'observations',
      files: [],
      to,
      dryRun,
      ...losses.report(),
      ...counts,
      masked: cleaning.masked,
      written: files,
    };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

function nothing(feature: string, seen: number, losses: Losses, failing: boolean): LastgoodError {
  const [first] = losses.report().dropped;
  return new LastgoodError({
    code: 'IMPORT_EMPTY',
    message:
      seen === 0
        ? `no stored observation of ${feature} in this time${failing ? ' went wrong' : ''}`
        : `none of ${seen} observations of ${feature} can become a case: ${first?.reason ?? 'no question is stored'}`,
    hint:
      seen === 0
        ? 'name an earlier time with --since'
        : 'store questions and answers with --store outputs, and send `messages` or `input`',
  });
}

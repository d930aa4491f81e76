// Live inputs for a shadow run: drawn by the ids of their observations, written as a suite with what users got as recordings.

import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LastgoodError } from '../../base/errors.ts';
import type { SecretMask } from '../../base/secrets.ts';
import type { Suite } from '../../core/index.ts';
import type { ObservationStore, StoredObservation } from '../../core/observation.ts';
import type { ShadowSample } from '../../core/shadow.ts';
import type { TimeRange } from '../../engine/production/time-range.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import { observationCase } from '../../intake/formats/stored-observations.ts';
import { type FoundCase, Losses } from '../../intake/index.ts';
import { caseKey } from '../../intake/parts/case-id.ts';
import { lexicalDistance } from '../../monitor/shadow-difference.ts';
import { loadSuite } from '../../suite/index.ts';
import { Cleaning } from '../import/cleaning.ts';
import { SuiteWriter } from '../import/suite-writer.ts';

export interface DrawnInputs {
  /** Drafts: none of them has a grader yet. */
  readonly suite: Suite;
  /** Replays what users got; null = no answer is stored. */
  readonly observedRelease: string | null;
  readonly sample: ShadowSample;
  /** Removes the files. */
  discard(): Promise<void>;
}

/** Pairs of answers to one question that say how much one release differs from itself. */
const NOISE_PAIRS = 10;

interface Drawn {
  readonly rank: string;
  readonly found: FoundCase;
}

/** Draws `most` observations that hold a question. Throws `SHADOW_NO_INPUTS` where there is none. */
export async function drawInputs(
  store: ObservationStore,
  input: {
    readonly feature: string;
    readonly range: TimeRange;
    readonly most: number;
    readonly suiteName: string;
    readonly mask: SecretMask;
    /** Rules of today, for what was stored under earlier ones; null = there are none. */
    readonly privacy: Privacy | null;
  },
): Promise<DrawnInputs> {
  const { feature, range, most } = input;
  const losses = new Losses();
  const place = { file: `observations of ${feature}`, line: null };
  let drawn: Drawn[] = [];
  let [observations, withoutQuestion] = [0, 0];
  for await (const o of store.observations({ feature, ...range })) {
    observations++;
    const found = observationCase(o, [], { losses, place });
    if (found === null) {
      withoutQuestion++;
      continue;
    }
    drawn.push({ rank: rankOf(o), found });
    if (drawn.length >= 2 * most + 1000) drawn = smallest(drawn, most);
  }
  drawn = smallest(drawn, most);
  if (drawn.length === 0) throw noInputs(feature, observations, 'a question');
  const questions = byQuestion(drawn);
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-shadow-'));
  const discard = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const writer = new SuiteWriter({
      dir,
      overwrite: true,
      dryRun: false,
      cleaning: new Cleaning(input.mask, input.privacy),
      losses,
      limit: undefined,
      sample: undefined,
    });
    for (const answers of questions) writer.add(asCase(answers[0] as FoundCase));
    const frame = { description: `Live inputs of ${feature}`, releases: [], files: [] };
    const { recordings } = writer.finish(frame, input.suiteName);
    // Beside the recordings' folder: a release reads only files below its own.
    const observedRelease = join(dir, 'observed.yaml');
    await writeFile(
      observedRelease,
      'name: observed\nroute: { provider: replay, file: recordings/observed.jsonl }\n',
    );
    const suite = await loadSuite(join(dir, 'suite.yaml'));
    return {
      suite,
      observedRelease: recordings === 0 ? null : observedRelease,
      sample: {
        from: new Date(range.from).toISOString(),
        to: new Date(range.to).toISOString(),
        observations,
        withoutQuestion,
        drawn: drawn.length,
        // Redaction may have made questions alike.
        questions: suite.cases.length,
        noise: noiseOf(questions),
      },
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Nothing that a side can be asked, or compared with. */
export function noInputs(feature: string, observations: number, what: string): LastgoodError {
  return new LastgoodError({
    code: 'SHADOW_NO_INPUTS',
    message:
      observations === 0
        ? `there is no observation of ${feature} in this time`
        : `none of ${observations} observations of ${feature} in this time holds ${what}`,
    hint: 'store questions with --store outputs, send `messages` or `input`, or name a longer time with --since',
    exitCode: 3,
  });
}

/** The same observation has the same rank in every draw. */
function rankOf({ id }: StoredObservation): string {
  return hash('sha256', `shadow:${id.toWellFormed()}`);
}

function smallest(drawn: readonly Drawn[], most: number): Drawn[] {
  return [...drawn].sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, most);
}

function byQuestion(drawn: readonly Drawn[]): FoundCase[][] {
  const questions = new Map<string, FoundCase[]>();
  for (const { found } of drawn) {
    const key = caseKey(found);
    const known = questions.get(key);
    if (known === undefined) questions.set(key, [found]);
    else known.push(found);
  }
  return [...questions.values()];
}

/** One answer a question: a second one would be a trial that the candidate has to match. */
function asCase(found: FoundCase): FoundCase {
  const [first] = found.recordings ?? [];
  return { ...found, trials: 1, recordings: first === undefined ? [] : [{ ...first, release: 'observed' }] };
}

/** How far answers of one release to one question lie apart: neighbours in the draw. */
function noiseOf(questions: readonly (readonly FoundCase[])[]): ShadowSample['noise'] {
  const distances: number[] = [];
  for (const answers of questions) {
    const texts = answers
      .flatMap((found) => found.recordings ?? [])
      .flatMap(({ release, output }) => (typeof output === 'string' ? [{ release, output }] : []));
    for (const [i, { release, output }] of texts.entries()) {
      const next = texts[i + 1];
      if (next !== undefined && next.release === release)
        distances.push(lexicalDistance(output, next.output));
    }
  }
  if (distances.length < NOISE_PAIRS) return null;
  return { pairs: distances.length, distance: distances.reduce((sum, d) => sum + d, 0) / distances.length };
}

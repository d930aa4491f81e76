// Stored answers that a judge is asked about: drawn by the hash of their ids, less those it has scored already.

import { hash } from 'node:crypto';
import type { AnswerSample } from '../../core/judged-answers.ts';
import type { ObservationStore, StoredObservation } from '../../core/observation.ts';
import type { TimeRange } from '../../engine/production/time-range.ts';
import { observationCase } from '../../intake/formats/stored-observations.ts';
import { type FoundCase, Losses } from '../../intake/index.ts';
import { otherSeries } from './examiner.ts';

/** One answer to judge. */
export interface DrawnAnswer {
  readonly id: string;
  readonly found: FoundCase;
}

interface Ranked extends DrawnAnswer {
  readonly rank: string;
  readonly judged: boolean;
}

interface DrawInput {
  readonly feature: string;
  readonly range: TimeRange;
  readonly most: number;
  readonly seed: number;
  /** Name of the score. */
  readonly name: string;
  readonly examiner: string;
}

/** Draws at most `most`. Throws `JUDGE_SERIES` where another examiner scored answers under this name. */
export async function drawAnswers(
  store: ObservationStore,
  input: DrawInput,
): Promise<{ readonly sample: AnswerSample; readonly answers: readonly DrawnAnswer[] }> {
  const { feature, range, most, name } = input;
  const site = { losses: new Losses(), place: { file: `observations of ${feature}`, line: null } };
  const counts = { observations: 0, failed: 0, numbersOnly: 0, incomplete: 0, hiddenId: 0 };
  let drawn: Ranked[] = [];
  for await (const o of store.observations({ feature, ...range })) {
    counts.observations++;
    const judged = scoredBy(o, input);
    if (o.measures.failed) counts.failed++;
    else if (o.texts === null) counts.numbersOnly++;
    else if (!o.idAsSent) counts.hiddenId++;
    else {
      const found = observationCase(o, [], site);
      if (found === null || (found.recordings ?? []).length === 0) counts.incomplete++;
      else drawn.push({ rank: rankOf(o.id, input.seed), id: o.id, found, judged });
      if (drawn.length >= 2 * most + 1000) drawn = smallest(drawn, most);
    }
  }
  drawn = smallest(drawn, most);
  const answers = drawn.filter((d) => !d.judged);
  return {
    sample: {
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      ...counts,
      drawn: drawn.length,
      judgedBefore: drawn.length - answers.length,
      toJudge: answers.length,
    },
    answers,
  };

  function scoredBy({ outcome }: StoredObservation, { examiner }: DrawInput): boolean {
    if (outcome === null || !Object.hasOwn(outcome.scores, name)) return false;
    const by = Object.hasOwn(outcome.examiners ?? {}, name) ? outcome.examiners?.[name] : undefined;
    if (by === examiner) return true;
    throw otherSeries(
      name,
      by === undefined
        ? 'the application sends scores under this name'
        : 'another judge or question scored answers of this time under this name',
    );
  }
}

/** The same observation has the same rank in every draw with this seed. */
function rankOf(id: string, seed: number): string {
  return hash('sha256', `judge:${seed}:${id.toWellFormed()}`);
}

function smallest(drawn: readonly Ranked[], most: number): Ranked[] {
  return [...drawn].sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, most);
}

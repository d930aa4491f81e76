// Good and bad hours of the simulated service: shifts that every request of a session shares, as a pure function of seed and date.

import { drawsFrom } from './draws.ts';
import type { JudgeRules, Knowledge, ModelVersion, Scenario } from './scenario.ts';

const HOUR_MS = 3_600_000;

/** Number of the session that a moment of simulated time falls into. */
function sessionAt({ sessions }: Scenario, now: number): number {
  return Math.floor(now / (sessions.hours * HOUR_MS));
}

/** The chance that a case is answered right in the session: shifts on the logit scale, then the bad hour. 0 and 1 stay. */
export function skillInSession(
  scenario: Scenario,
  skill: number,
  entry: Pick<Knowledge, 'match' | 'tags'> | null,
  now: number,
): number {
  const { sessions, seed } = scenario;
  const session = sessionAt(scenario, now);
  const shift = (sd: number, ...name: readonly string[]): number =>
    sd === 0 ? 0 : sd * drawsFrom('session', seed, session, ...name).normal();
  let moved = shift(sessions.sd, 'all');
  // A case with several tags takes the mood of the first, so that its own spread stays the same.
  const tag = entry?.tags[0];
  if (tag !== undefined) moved += shift(sessions.tagSd, 'tag', tag);
  if (entry !== null) moved += shift(sessions.caseSd, 'case', entry.match);
  const shifted = shiftedRate(skill, moved);
  const { badHours } = sessions;
  const isBad =
    badHours !== undefined && drawsFrom('session', seed, session, 'bad').uniform() < badHours.chance;
  const isHit =
    isBad &&
    entry !== null &&
    drawsFrom('session', seed, session, 'hit', entry.match).uniform() < badHours.cases;
  return isHit ? shifted * badHours.factor : shifted;
}

/** How well the judge judges in the session. */
export function judgeInSession(
  scenario: Scenario,
  rules: JudgeRules,
  version: ModelVersion,
  now: number,
): { readonly sensitivity: number; readonly specificity: number; readonly noise: number } {
  const { judgeSd } = scenario.sessions;
  const sensitivity = version.judge?.sensitivity ?? rules.sensitivity ?? 1;
  const specificity = version.judge?.specificity ?? rules.specificity ?? 1;
  const noise = version.judge?.noise ?? rules.noise ?? 0;
  if (judgeSd === 0) return { sensitivity, specificity, noise };
  const draws = drawsFrom('session', scenario.seed, sessionAt(scenario, now), 'judge');
  return {
    sensitivity: shiftedRate(sensitivity, judgeSd * draws.normal()),
    specificity: shiftedRate(specificity, judgeSd * draws.normal()),
    noise,
  };
}

/** A rate moved on the logit scale. */
function shiftedRate(rate: number, shift: number): number {
  return shift === 0 || rate <= 0 || rate >= 1
    ? rate
    : 1 / (1 + Math.exp(-(Math.log(rate / (1 - rate)) + shift)));
}

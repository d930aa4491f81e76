// Which signals an applied rollback watches: those that moved with the incident, with their level before it and during it.

import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { AppliedSpec, GuardedSignal, WatchedMove } from '../../core/applied-rollback.ts';
import { DAY_MS, HOUR_MS, type ObservationStore, type WindowCounts } from '../../core/observation.ts';
import { monitorEpisodes } from '../../engine/records/monitor-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { isWorse, levelOf, measureOf } from '../../monitor/signal-levels.ts';
import { type EventsOnly, eventsOnly, signalsOf } from '../../monitor/signal-values.ts';
import { addCounts } from '../../monitor/window-counts.ts';
import { addLevels, isMove, LEAST_ANSWERS, levelValue, NO_LEVEL, noiseOf } from '../../rollout/recovery.ts';
import { normalQuantile } from '../../stats/normal.ts';
import { timelineJob } from '../timeline/timeline.ts';

/** How far back moves are looked for, and how long the usual time before a move is. */
const SEARCH_MS = 7 * DAY_MS;
const USUAL_MS = 7 * DAY_MS;
/** Chance that any signal seems to have moved with the release. */
const RELEASE_ALPHA = 0.01;
/** Bad answers of these must not become more by the rollback itself. */
const GUARDED = ['errors', 'schema-failures', 'blocks'] as const;

export interface WatchRequest {
  readonly feature: string;
  readonly suite: string;
  /** When the release in force came, where that is recent; null = it was there before the incident. */
  readonly releasedAt: Date | null;
  /** Signals that a person says have moved. */
  readonly named: readonly string[];
  readonly now: Date;
}

interface Watched extends Pick<AppliedSpec, 'watched' | 'guarded' | 'unwatched'> {
  /** Why moves could not be looked for; null where they were. */
  readonly blind: string | null;
}

interface Moved {
  readonly signal: string;
  readonly source: WatchedMove['source'];
  readonly since: number;
}

/** Windows must be up to date. Throws `ROLLBACK_SIGNAL` for a named signal that is not known, or did not move for the worse. */
export async function watchedSignals(
  work: Pick<Workplace, 'store'>,
  production: ObservationStore,
  request: WatchRequest,
): Promise<Watched> {
  const { feature, now, named } = request;
  const isKnown = (await production.features()).some((f) => f.feature === feature);
  if (!isKnown) {
    const [first] = named;
    if (first !== undefined) throw unknownSignal(first, []);
    return { watched: [], guarded: [], unwatched: [], blind: 'there are no observations of the feature' };
  }
  const { moved, blind } = await movedSignals(work, production, request);
  const first = moved.reduce((least, m) => Math.min(least, m.since), now.getTime() - DAY_MS);
  const hours = await hoursOf(production, feature, {
    from: hourOf(first) - USUAL_MS,
    to: hourOf(now.getTime()) + HOUR_MS,
  });
  const only = eventsOnly(...hours.map((h) => h.counts));
  const watched: WatchedMove[] = [];
  const unwatched: { signal: string; why: string }[] = [];
  for (const move of moved) {
    const found = watchMove(move, { hours, only, tested: moved.length });
    if (typeof found !== 'string') watched.push(found);
    else if (move.source === 'release') continue;
    else if (move.source === 'named') throw refusedSignal(move.signal, found, hours, only);
    else unwatched.push({ signal: move.signal, why: found });
  }
  return { watched, unwatched, blind, guarded: guardedSignals(hours, { watched, only, now: now.getTime() }) };
}

/** What the timeline shows as moved and not back, what monitors have open, and what a person names. */
async function movedSignals(
  work: Pick<Workplace, 'store'>,
  production: ObservationStore,
  { feature, suite, releasedAt, named, now }: WatchRequest,
): Promise<{ readonly moved: readonly Moved[]; readonly blind: string | null }> {
  const found = new Map<string, Moved>();
  const add = (move: Moved): void => {
    if (!found.has(move.signal)) found.set(move.signal, move);
  };
  const incidentAt = releasedAt?.getTime() ?? now.getTime() - DAY_MS;
  for (const signal of named) add({ signal, source: 'named', since: incidentAt });
  for (const episode of await monitorEpisodes(work.store, feature))
    if (episode.status === 'open')
      add({
        ...{ signal: episode.signal, source: 'monitor' },
        since: Date.parse(episode.since ?? episode.openedAt),
      });
  const { items, usualSince } = await timelineJob(work, production, {
    feature,
    suite,
    since: SEARCH_MS,
    until: now,
  });
  for (const { move } of items)
    if (move !== null && move.until === null)
      add({ signal: move.signal, source: 'timeline', since: Date.parse(move.earliest) });
  // A timeline needs weeks and whole windows; what came with a release shows within the hour.
  if (releasedAt !== null)
    for (const signal of await knownSignals(production, feature, now))
      add({ signal, source: 'release', since: releasedAt.getTime() });
  const blind =
    releasedAt === null && usualSince === null
      ? 'production has less than 14 days before this week, so nothing shows what is usual'
      : null;
  return { moved: [...found.values()], blind };
}

async function knownSignals(store: ObservationStore, feature: string, now: Date): Promise<readonly string[]> {
  const to = hourOf(now.getTime()) + HOUR_MS;
  const total = totalOf(await hoursOf(store, feature, { from: to - USUAL_MS, to }));
  return signalsOf(total, eventsOnly(total))
    .filter((s) => s.value !== null && s.signal !== 'count')
    .map((s) => s.signal);
}

interface Hour {
  readonly start: number;
  readonly counts: WindowCounts;
}

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS;

async function hoursOf(
  store: ObservationStore,
  feature: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly Hour[]> {
  const hours = new Map<number, WindowCounts>();
  for await (const { start, counts } of store.windows({ feature, from, to, span: 'hour' })) {
    const hour = hours.get(start) ?? new Map<string, number>();
    hours.set(start, hour);
    addCounts(hour, counts);
  }
  return [...hours].map(([start, counts]) => ({ start, counts })).sort((a, b) => a.start - b.start);
}

const totalOf = (hours: readonly Hour[]): WindowCounts => {
  const total: WindowCounts = new Map();
  for (const { counts } of hours) addCounts(total, counts);
  return total;
};

/** The move with its levels, or why it cannot be watched. */
function watchMove(
  move: Moved,
  {
    hours,
    only,
    tested,
  }: { readonly hours: readonly Hour[]; readonly only: EventsOnly; readonly tested: number },
): WatchedMove | string {
  const { signal, source } = move;
  const change = hourOf(move.since);
  const before = hours.filter((h) => h.start >= change - USUAL_MS && h.start < change);
  // The hour of the change belongs to neither side, where there is a later one.
  const later = hours.filter((h) => h.start > change);
  const incident = later.length > 0 ? later : hours.filter((h) => h.start >= change);
  const measure = measureOf(signal, totalOf(before), only);
  if (measure === null) return 'it has no level that can be compared, or none in the 7 days before';
  const ofHours = before.map((h) => levelOf(measure, h.counts));
  const usual = ofHours.reduce(addLevels, NO_LEVEL);
  const during = incident.map((h) => levelOf(measure, h.counts)).reduce(addLevels, NO_LEVEL);
  for (const [level, when] of [
    [usual, 'in the 7 days before'],
    [during, 'during the incident'],
  ] as const)
    if (level.n < LEAST_ANSWERS)
      return `it is known of ${level.n} answers ${when}, of ${LEAST_ANSWERS} needed`;
  const direction = (levelValue(during) ?? 0) >= (levelValue(usual) ?? 0) ? 'up' : 'down';
  const noise = noiseOf(measure, ofHours);
  const found: WatchedMove = {
    ...{ signal, measure, moved: direction, source, usual, during, noise },
    lagging: signalsOf(totalOf(hours), only).find((s) => s.signal === signal)?.lagging ?? false,
    since: new Date(move.since).toISOString(),
  };
  if (!isWorse(signal, direction)) return 'it moved for the better';
  // Of many signals one looks moved by chance (Bonferroni), and hours in a row are alike, so they count as one.
  const proof =
    source === 'release'
      ? { hours: 1, z: normalQuantile(1 - RELEASE_ALPHA / (2 * tested)) }
      : { hours: incident.length, z: 2 };
  return isMove(found, proof) ? found : 'its level did not move by more than it usually does';
}

function guardedSignals(
  hours: readonly Hour[],
  {
    watched,
    only,
    now,
  }: { readonly watched: readonly WatchedMove[]; readonly only: EventsOnly; readonly now: number },
): readonly GuardedSignal[] {
  const day = totalOf(hours.filter((h) => h.start >= now - DAY_MS));
  return GUARDED.filter((signal) => !watched.some((w) => w.signal === signal)).flatMap((signal) => {
    const measure = measureOf(signal, day, only);
    return measure === null ? [] : [{ signal, measure, before: levelOf(measure, day) }];
  });
}

function refusedSignal(signal: string, why: string, hours: readonly Hour[], only: EventsOnly): LastgoodError {
  const known = signalsOf(totalOf(hours), only)
    .filter((s) => s.value !== null && s.signal !== 'count')
    .map((s) => s.signal);
  if (!known.includes(signal)) return unknownSignal(signal, known);
  return new LastgoodError({
    code: 'ROLLBACK_SIGNAL',
    message: `${signal} cannot be watched: ${why}`,
    hint: 'lastgood timeline FEATURE shows what moved; leave --watch out',
  });
}

function unknownSignal(signal: string, known: readonly string[]): LastgoodError {
  const near = didYouMean(signal, known);
  return new LastgoodError({
    code: 'ROLLBACK_SIGNAL',
    message: `nothing is known of the signal ${JSON.stringify(signal.slice(0, 100))} in production`,
    hint:
      near !== undefined
        ? `did you mean ${near}?`
        : known.length === 0
          ? 'there are no observations of the feature: leave --watch out'
          : `known signals: ${known.join(', ')}`,
  });
}

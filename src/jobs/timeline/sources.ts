// The sources of a timeline beside its signals. A further one is a function in `SOURCES`.

import type { ShippingChange, ShippingStore, SnapshotStore, TimelineItem } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { listEvents } from '../../engine/records/events.ts';
import { monitorEpisodes } from '../../engine/records/monitor-records.ts';
import { episodesOf } from '../nightly/episodes.ts';
import type { Hours } from './hours.ts';

interface TimelineContext {
  readonly store: SnapshotStore;
  readonly feature: string;
  /** The feature's suite; null = not known, then those of all suites. */
  readonly suite: string | null;
  readonly hours: Hours;
  /** The log of pointers, flags and stops; null = it is not read. */
  readonly shipping: Pick<ShippingStore, 'changes'> | null;
}

type Source = (context: TimelineContext) => Promise<readonly TimelineItem[]> | readonly TimelineItem[];

const iso = (ms: number): string => new Date(ms).toISOString();

/** First and last hour in which a release answered, as far as both lie within the timeline. */
function releases({ hours }: TimelineContext): readonly TimelineItem[] {
  const seen = [...hours.releases].map(([name, list]) => ({
    ...{ name, first: list[0] ?? 0, last: list.at(-1) ?? 0 },
  }));
  return seenItems('release', 'release', seen, hours);
}

/** The same of the models that the provider said it used. */
function servedModels({ hours }: TimelineContext): readonly TimelineItem[] {
  const seen = new Map<string, { name: string; first: number; last: number }>();
  for (const { start, counts } of hours.windows)
    for (const [key, count] of counts) {
      if (!key.startsWith('served:') || count <= 0) continue;
      const name = key.slice('served:'.length);
      const { first = start, last = start } = seen.get(name) ?? {};
      seen.set(name, { name, first: Math.min(first, start), last: Math.max(last, start) });
    }
  return seenItems('served-model', 'served model', [...seen.values()], hours);
}

/** Hours without an answer before a name counts as gone. */
const GONE_HOURS = 6;

function seenItems(
  source: 'release' | 'served-model',
  word: string,
  seen: readonly { readonly name: string; readonly first: number; readonly last: number }[],
  { from, to, windows }: Hours,
): readonly TimelineItem[] {
  const oldest = windows.reduce((least, w) => Math.min(least, w.start), to);
  const newest = windows.reduce((most, w) => Math.max(most, w.start), 0);
  const item = { source, ref: null, move: null };
  return seen.flatMap(({ name, first, last }): TimelineItem[] => [
    ...(first >= from && first > oldest
      ? [{ ...item, at: iso(first), kind: 'first seen', text: `${word} ${name}` }]
      : []),
    ...(last >= from && last < newest - GONE_HOURS * 3_600_000
      ? [{ ...item, at: iso(last + 3_600_000), kind: 'last seen', text: `${word} ${name}` }]
      : []),
  ]);
}

/** What people recorded: deploys, provider notices, incidents and notes. */
async function events({ store, suite }: TimelineContext): Promise<readonly TimelineItem[]> {
  return (await listEvents(store, suite ?? undefined)).map(({ at, kind, text, ref }) => ({
    ...{ at, source: 'event', kind, text, ref: ref ?? null, move: null },
  }));
}

/** What people decided about what users get: pointers, flags and stops of the feature or of all. */
async function decisions({ shipping, feature }: TimelineContext): Promise<readonly TimelineItem[]> {
  const changes = (await shipping?.changes(0)) ?? [];
  return changes
    .filter((c) => c.kind !== 'flag-test' && (c.feature === feature || c.feature === EVERY_FEATURE))
    .map((c) => ({
      ...{ at: c.at, source: 'shipping', kind: c.kind, ref: `${c.kind} ${c.no}`, move: null },
      text: `${decided(c)}: ${c.why} (${c.by})`,
    }));
}

function decided({ kind, name, environment, body }: ShippingChange): string {
  switch (kind) {
    case 'pointer':
      return `${environment} points to ${String(body['release'])}`;
    case 'deprecation':
      return `${String(body['release'])} ends ${String(body['until'])}`;
    case 'stop':
      return `${body['stopped'] === true ? 'stopped' : 'started'}${name === '' ? '' : ` ${name}`}`;
    case 'flag':
    case 'flag-test':
      return name;
  }
}

/** Episodes of the feature's monitors. */
async function monitors({ store, feature }: TimelineContext): Promise<readonly TimelineItem[]> {
  const item = { source: 'monitor' as const, move: null };
  return (await monitorEpisodes(store, feature)).flatMap((e): TimelineItem[] => [
    {
      ...item,
      at: e.openedAt,
      kind: 'drift opened',
      text: e.summary.startsWith(e.monitor) ? e.summary : `${e.monitor}: ${e.summary}`,
      ref: e.id,
    },
    ...(e.endedAt === null
      ? []
      : [{ ...item, at: e.endedAt, kind: `drift ${e.status}`, text: e.monitor, ref: e.id }]),
  ]);
}

/** Regressions that nights of the suite raised an alarm for. */
async function nights({ store, suite }: TimelineContext): Promise<readonly TimelineItem[]> {
  const item = { source: 'nightly' as const, move: null };
  return (await episodesOf(store, suite ?? undefined)).flatMap((e): TimelineItem[] => [
    { ...item, at: e.openedAt, kind: 'regression opened', text: `suite ${e.suite}: ${e.reason}`, ref: e.id },
    ...(e.endedAt === null
      ? []
      : [{ ...item, at: e.endedAt, kind: `regression ${e.status}`, text: `suite ${e.suite}`, ref: e.id }]),
  ]);
}

export const SOURCES: readonly Source[] = [releases, servedModels, events, decisions, monitors, nights];

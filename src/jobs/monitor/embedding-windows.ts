// Reads the stored embeddings of answers for a monitor: first those of its reference, then the distance of each window to them.

import type { Monitor, ObservationStore } from '../../core/index.ts';
import { HOUR_MS } from '../../core/observation.ts';
import { type EmbeddedAnswer, ReferenceCentroids } from '../../monitor/drift/embedding-distance.ts';
import type { DriftWindow, WatchedSignal } from '../../monitor/drift/index.ts';

/** Embeddings of one window at most: enough for a mean, few enough for months of windows. */
const MOST_VECTORS = 2000;

export async function embeddingSignal(
  store: ObservationStore,
  feature: string,
  monitor: Monitor,
  now: number,
): Promise<WatchedSignal> {
  const { reference, windowHours } = monitor;
  const stepMs = windowHours * HOUR_MS;
  const starts = (from: number, to: number): number[] =>
    Array.from({ length: Math.max(0, Math.floor((to - from) / stepMs)) }, (_, i) => from + i * stepMs);
  const centroids = new ReferenceCentroids();
  for (const start of starts(reference.from, reference.to))
    for (const answer of await answersOf(store, feature, monitor, start)) centroids.add(answer);
  const windows: DriftWindow[] = [];
  for (const start of starts(reference.from, now))
    windows.push(...centroids.window(start, await answersOf(store, feature, monitor, start)));
  return { monitor, scale: 'score', windows };
}

async function answersOf(
  store: ObservationStore,
  feature: string,
  { by, segment, windowHours }: Monitor,
  from: number,
): Promise<readonly EmbeddedAnswer[]> {
  const found: EmbeddedAnswer[] = [];
  const query = { feature, from, to: from + windowHours * HOUR_MS, most: MOST_VECTORS };
  for await (const { dimensions, vector } of store.vectors(query))
    if (segment === null || dimensions.segment === segment) found.push({ group: dimensions[by], vector });
  return found;
}

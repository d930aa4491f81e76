// Several judges, or several votes of one, as a single release: its fingerprint then names everybody who had a say, in what number.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { fingerprintLayers, type Layers, type PinState, type Release } from './release.ts';

/** Who votes on a rubric: each judge `votes` times. */
export interface JudgePanel {
  /** At least one, each with another fingerprint. */
  readonly judges: readonly Release[];
  readonly votes: number;
}

const PANEL = 'panel';

/** The panel a judge's release stands for; a plain judge is a panel of one with one vote. */
export function panelOf(judge: Release): JudgePanel {
  const { route } = judge.layers;
  if ((route.provider as string) !== PANEL) return { judges: [judge], votes: 1 };
  const judges = (route['judges'] as readonly JsonObject[]).map(
    (layers, i): Release => ({
      name: judge.name.split(' + ')[i] ?? judge.name,
      file: null,
      layers: layers as unknown as Layers,
      ...fingerprintLayers(layers as unknown as Layers),
      pin: judge.pin,
      dependents: [],
      paths: Object.fromEntries(
        Object.entries(judge.paths).flatMap(([key, path]) =>
          key.startsWith(`${i}:`) ? [[key.slice(`${i}:`.length), path]] : [],
        ),
      ),
    }),
  );
  return { judges, votes: Number(route['votes']) };
}

/**
 * One release that stands for the whole panel; one judge with one vote stays as it is. The order of the judges does not count.
 * A judge that is there twice is kept once: the verdict cache would hand out its first vote again.
 */
export function panelRelease({ judges, votes }: JudgePanel): Release {
  const distinct = [...new Map(judges.map((j) => [j.fingerprint, j])).values()].sort((a, b) =>
    a.fingerprint < b.fingerprint ? -1 : 1,
  );
  const first = distinct[0];
  if (first === undefined || !Number.isInteger(votes) || votes < 1)
    throw new RangeError('a panel has at least one judge and one vote');
  if (distinct.length === 1 && votes === 1) return first;
  const layers = {
    route: { provider: PANEL, votes, judges: distinct.map((j) => j.layers as unknown as JsonValue) },
  } as unknown as Layers;
  return {
    name: distinct.map((j) => j.name.replaceAll(' + ', ' and ')).join(' + '),
    file: distinct.length === 1 ? first.file : null,
    layers,
    ...fingerprintLayers(layers),
    pin: worstPin(distinct.map((j) => j.pin)),
    dependents: [],
    paths: Object.fromEntries(
      distinct.flatMap((j, i) => Object.entries(j.paths).map(([key, path]) => [`${i}:${key}`, path])),
    ),
  };
}

function worstPin(pins: readonly PinState[]): PinState {
  const order = ['floating', 'unknown', 'pinned'] as const;
  return [...pins].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0] as PinState;
}

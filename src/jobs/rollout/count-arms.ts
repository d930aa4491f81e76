// Observations of both arms of a rollout, out of the hourly windows.

import {
  type CountedWindow,
  DAY_MS,
  HOUR_MS,
  type ObservationStore,
  type WindowCounts,
} from '../../core/observation.ts';
import type { ArmCounts, GateBlock, RolloutArm, RolloutCounts, RolloutSpec } from '../../core/rollout.ts';
import { addCounts } from '../../monitor/window-counts.ts';
import { countGate } from './gate-counts.ts';

type Arms = Pick<RolloutSpec, 'control' | 'candidate'>;
type Gates = Pick<RolloutSpec, 'gates'>;
export const HISTORY_MS = 7 * DAY_MS;

/** Which arm answered: by `variant`, else by `release`; null = neither of the two. */
export function armOf(
  { variant, release }: CountedWindow['dimensions'],
  { control, candidate }: Arms,
): RolloutArm | null {
  const named = variant ?? release;
  if (named === null) return null;
  if (isOf(named, candidate.fingerprint)) return 'candidate';
  if (isOf(named, control.fingerprint)) return 'control';
  if (named === 'candidate' || named === 'control') return named;
  if (control.release === candidate.release) return null;
  return named === candidate.release ? 'candidate' : named === control.release ? 'control' : null;
}

/** A fingerprint may be shortened to 12 digits. */
const isOf = (named: string, fingerprint: string): boolean =>
  named.length >= 12 && fingerprint.startsWith(named);

/** The control in the seven days before. */
export async function controlHistory(
  store: ObservationStore,
  { feature, arms, now }: { readonly feature: string; readonly arms: Arms; readonly now: number },
): Promise<WindowCounts> {
  const counts: WindowCounts = new Map();
  const from = Math.floor((now - HISTORY_MS) / HOUR_MS) * HOUR_MS;
  for await (const w of store.windows({ feature, from, to: hourAfter(now), span: 'any' })) {
    if (isBefore(w.dimensions, arms)) addCounts(counts, w.counts);
  }
  return counts;
}

/** Is it an answer of the control? Before a rollout answers may name no release. */
export function isBefore(dimensions: CountedWindow['dimensions'], arms: Arms): boolean {
  const unnamed = dimensions.variant === null && dimensions.release === null;
  return unnamed || armOf(dimensions, arms) === 'control';
}

const hourAfter = (now: number): number => (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;

export interface CountedArms {
  /** Since the start of the hour in which the rollout started. */
  readonly counts: RolloutCounts;
  /** The segment in which the candidate has the most bad answers beyond the control's share, by gate. */
  readonly worst: readonly (string | null)[];
  /** Answers that name neither arm. */
  readonly untagged: number;
}

/** All counts since the hour of a start, without some segments. */
export async function countArms(
  store: ObservationStore,
  query: {
    readonly spec: Arms & Gates & Pick<RolloutSpec, 'feature'>;
    readonly startedAt: number;
    readonly now: number;
    readonly excluded: readonly string[];
  },
): Promise<CountedArms> {
  const { spec, startedAt, now, excluded } = query;
  const byArm: Record<RolloutArm, WindowCounts> = { candidate: new Map(), control: new Map() };
  const bySegment = new Map<string, Record<RolloutArm, WindowCounts>>();
  let untagged = 0;
  const from = Math.floor(startedAt / HOUR_MS) * HOUR_MS;
  for await (const w of store.windows({ feature: spec.feature, from, to: hourAfter(now), span: 'any' })) {
    const { segment } = w.dimensions;
    if (segment !== null && excluded.includes(segment)) continue;
    const arm = armOf(w.dimensions, spec);
    if (arm === null) {
      untagged += w.counts.get('n') ?? 0;
      continue;
    }
    addCounts(byArm[arm], w.counts);
    if (segment === null) continue;
    const of = bySegment.get(segment) ?? { candidate: new Map(), control: new Map() };
    bySegment.set(segment, of);
    addCounts(of[arm], w.counts);
  }
  return {
    counts: {
      calls: { candidate: byArm.candidate.get('n') ?? 0, control: byArm.control.get('n') ?? 0 },
      gates: spec.gates.map((gate) => ({
        candidate: countGate(gate, byArm.candidate),
        control: countGate(gate, byArm.control),
      })),
    },
    worst: spec.gates.map((gate) =>
      gate.action === 'disable-segment' ? worstSegment(gate, byArm, bySegment) : null,
    ),
    untagged,
  };
}

function worstSegment(
  gate: RolloutSpec['gates'][number],
  byArm: Record<RolloutArm, WindowCounts>,
  bySegment: ReadonlyMap<string, Record<RolloutArm, WindowCounts>>,
): string | null {
  const all = countGate(gate, byArm.control);
  const share = all.n === 0 ? 0 : all.hits / all.n;
  let worst: { readonly segment: string; readonly beyond: number } | null = null;
  for (const [segment, arms] of [...bySegment].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { n, hits } = countGate(gate, arms.candidate);
    const beyond = hits - share * n;
    if (beyond > 0 && (worst === null || beyond > worst.beyond)) worst = { segment, beyond };
  }
  return worst?.segment ?? null;
}

/** What is new since `seen`. Where a correction made a count smaller, it waits until it has grown again. */
export function newSince(
  counted: CountedArms,
  origin: RolloutCounts,
  seen: RolloutCounts,
): { readonly calls: Readonly<Record<RolloutArm, number>>; readonly gates: readonly GateBlock[] } {
  const calls = (arm: RolloutArm): number =>
    Math.max(0, counted.counts.calls[arm] - origin.calls[arm] - seen.calls[arm]);
  return {
    calls: { candidate: calls('candidate'), control: calls('control') },
    gates: counted.counts.gates.map((now, i) => {
      const arm = (name: RolloutArm): ArmCounts =>
        minus(minus(now[name], origin.gates[i]?.[name]), seen.gates[i]?.[name]);
      const [candidate, control] = [arm('candidate'), arm('control')];
      return {
        candidate: isBlock(candidate) ? candidate : NONE,
        control: isBlock(control) ? control : NONE,
        segment: counted.worst[i] ?? null,
      };
    }),
  };
}

const NONE: ArmCounts = { n: 0, hits: 0, sum: 0 };

function minus(a: ArmCounts, b: ArmCounts = NONE): ArmCounts {
  return { n: a.n - b.n, hits: a.hits - b.hits, sum: a.sum - b.sum };
}

function isBlock({ n, hits, sum }: ArmCounts): boolean {
  return n > 0 && hits >= 0 && hits <= n + 1e-9 && sum >= -1e-9;
}

// lastgood residue: which user signals have come back after a rollback, and which have not.

import { LastgoodError } from '../../base/errors.ts';
import {
  DAY_MS,
  HOUR_MS,
  type ObservationStore,
  OTHER_VALUE,
  type WindowCounts,
} from '../../core/observation.ts';
import type { ResiduePeriod, ResidueReport } from '../../core/residue.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import { residueSignals } from '../../monitor/residue.ts';
import { addCounts } from '../../monitor/window-counts.ts';

export interface ResidueInput {
  readonly feature: string;
  readonly rollback: Date;
  /** When the incident began; left out = found by the release that the rollback withdrew. */
  readonly change: Date | undefined;
  readonly now: Date;
  /** Outcomes of answers younger than this may still come. */
  readonly settleMs: number;
  /** A remaining difference of a share up to this one counts as none. */
  readonly margin: number;
}

/** Of the time before the change: two weeks, so that each day of the week counts twice. */
const BEFORE_MS = 14 * DAY_MS;
/** How far back the withdrawn release is looked for. */
const SEARCH_MS = 90 * DAY_MS;

/** One hour of all answers. */
interface Hour {
  readonly start: number;
  readonly counts: WindowCounts;
  readonly releases: ReadonlyMap<string | null, number>;
}

/** Reads windows that are up to date. Throws `NO_FEATURE`, `RESIDUE_TIME` or `RESIDUE_CHANGE`. */
export async function residueJob(store: ObservationStore, input: ResidueInput): Promise<ResidueReport> {
  const { feature, rollback, now } = input;
  await mustExist(store, feature);
  const settled = Math.floor((now.getTime() - input.settleMs) / HOUR_MS) * HOUR_MS;
  if (rollback.getTime() >= now.getTime()) throw wrongTime('--rollback lies in the future');
  if (input.change !== undefined && input.change.getTime() >= rollback.getTime())
    throw wrongTime('--change must lie before --rollback');
  const hours = await hoursOf(store, feature, {
    from: hourBefore(
      input.change === undefined
        ? rollback.getTime() - SEARCH_MS
        : input.change.getTime() - BEFORE_MS - HOUR_MS,
    ),
    to: Math.max(settled, Math.ceil(rollback.getTime() / HOUR_MS) * HOUR_MS + DAY_MS),
  });
  const change = changeOf(input, hours);
  // The hours of the change and of the rollback belong to neither side.
  const [changeFrom, changeTo] = [hourBefore(change.from), hourAfter(change.to)];
  const [rollbackFrom, rollbackTo] = [hourBefore(rollback.getTime()), hourAfter(rollback.getTime())];
  const period = (from: number, to: number): Period => periodOf(hours, from, Math.max(from, to));
  const before = period(changeFrom - BEFORE_MS, changeFrom);
  const during = period(changeTo, rollbackFrom);
  const after = period(rollbackTo, settled);
  const signals = residueSignals({ before, during, after, margin: input.margin });
  return {
    feature,
    rollback: rollback.toISOString(),
    change: { at: new Date(change.to).toISOString(), release: change.release },
    before: before.shown,
    during: during.shown,
    after: after.shown,
    settleHours: input.settleMs / HOUR_MS,
    signals,
    verdict: signals.some((s) => s.state === 'not-returned')
      ? 'not-returned'
      : signals.length === 0 || signals.some((s) => s.state === 'cannot-tell')
        ? 'cannot-tell'
        : 'returned',
  };
}

async function hoursOf(
  store: ObservationStore,
  feature: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly Hour[]> {
  const hours = new Map<number, { counts: WindowCounts; releases: Map<string | null, number> }>();
  for await (const w of store.windows({ feature, from, to, span: 'hour' })) {
    const hour = hours.get(w.start) ?? { counts: new Map(), releases: new Map() };
    hours.set(w.start, hour);
    addCounts(hour.counts, w.counts);
    const { release } = w.dimensions;
    hour.releases.set(release, (hour.releases.get(release) ?? 0) + (w.counts.get('n') ?? 0));
  }
  return [...hours].map(([start, hour]) => ({ start, ...hour })).sort((a, b) => a.start - b.start);
}

interface Change {
  /** Where the time before ends. */
  readonly from: number;
  /** From then on the incident is in full. */
  readonly to: number;
  readonly release: string | null;
}

/**
 * When the withdrawn release came. A canary first serves few: from its first answer to the first hour in which it gave half of them, the time
 * belongs to neither side.
 */
function changeOf(input: ResidueInput, hours: readonly Hour[]): Change {
  if (input.change !== undefined) {
    const at = input.change.getTime();
    return { from: at, to: at, release: null };
  }
  const at = input.rollback.getTime();
  const day = hours.filter((h) => h.start >= at - DAY_MS && h.start < hourBefore(at));
  const withdrawn = mostOf(day);
  const next = mostOf(hours.filter((h) => h.start >= hourAfter(at) && h.start < at + DAY_MS + HOUR_MS));
  if (withdrawn === null || withdrawn === OTHER_VALUE || withdrawn === next)
    throw new LastgoodError({
      code: 'RESIDUE_CHANGE',
      message:
        withdrawn === null || withdrawn === OTHER_VALUE
          ? 'when the incident began cannot be found: most answers of the day before the rollback name no release'
          : `when the incident began cannot be found: the release ${withdrawn} gave most answers both before and after the rollback`,
      hint: 'name the time with --change TIME',
    });
  const served = hours.filter((h) => h.start < at && h.releases.has(withdrawn));
  const half = served.find((h) => 2 * (h.releases.get(withdrawn) ?? 0) >= (h.counts.get('n') ?? 0));
  const first = served[0];
  // The day before the rollback has it, and there it gave most answers.
  if (first === undefined || half === undefined) throw new Error('the withdrawn release has no hour');
  return { from: first.start, to: half.start, release: withdrawn };
}

/** The release that gave most of the answers; null = none is named, or there are no answers. */
function mostOf(hours: readonly Hour[]): string | null {
  const total = new Map<string | null, number>();
  for (const { releases } of hours)
    for (const [name, n] of releases) total.set(name, (total.get(name) ?? 0) + n);
  return [...total].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

interface Period {
  readonly blocks: readonly WindowCounts[];
  readonly shown: ResiduePeriod;
}

/** Hours in blocks: whole days where there are enough of them, since hours of one day move together. */
function periodOf(hours: readonly Hour[], earliest: number, to: number): Period {
  // A history that begins later has fewer whole days.
  const from = hours.find(({ start }) => start >= earliest && start < to)?.start ?? earliest;
  const length = (to - from) / HOUR_MS;
  const blockHours = length >= 10 * 24 ? 24 : length >= 10 * 6 ? 6 : 1;
  const blocks = new Map<number, WindowCounts>();
  for (const { start, counts } of hours) {
    if (start < from || start >= to) continue;
    const slot = Math.floor((start - from) / (blockHours * HOUR_MS));
    const block = blocks.get(slot) ?? new Map<string, number>();
    addCounts(block, counts);
    blocks.set(slot, block);
  }
  const observations = [...blocks.values()].reduce((sum, block) => sum + (block.get('n') ?? 0), 0);
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { blocks: [...blocks.values()], shown: { from: iso(from), to: iso(to), observations, blockHours } };
}

const hourBefore = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS;
const hourAfter = (ms: number): number => Math.ceil(ms / HOUR_MS) * HOUR_MS;

function wrongTime(message: string): LastgoodError {
  return new LastgoodError({
    code: 'RESIDUE_TIME',
    message,
    hint: 'lastgood residue FEATURE --rollback 2026-05-12T14:00Z --change 2026-05-10T09:00Z',
  });
}

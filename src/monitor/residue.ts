// What is left of an incident after its rollback: user signals of three periods → which have returned, and which have not.

import { count, percent } from '../base/numbers.ts';
import type { WindowCounts } from '../core/observation.ts';
import type { ResidueSignal, ResidueState, ResidueValue } from '../core/residue.ts';
import { differenceOf, type PeriodEstimate, periodEstimate, type RatioOf } from './period-estimate.ts';
import { type EventsOnly, eventsOnly, USER_EVENTS } from './signal-values.ts';
import { addCounts } from './window-counts.ts';

/** Counts of equally long blocks of time, those without answers left out. */
interface CountedPeriod {
  readonly blocks: readonly WindowCounts[];
}

export interface ResidueInput {
  readonly before: CountedPeriod;
  readonly during: CountedPeriod;
  readonly after: CountedPeriod;
  /** A remaining difference of a share up to this one counts as none. */
  readonly margin: number;
}

/** Outcomes that each period must have. */
const LEAST_OUTCOMES = 30;
/** Blocks that each period must have: fewer say nothing about how much blocks differ. */
const LEAST_BLOCKS = 10;
/** Outcomes come as often as before, or what does not come is not known. */
const LEAST_COVERAGE = 0.8;
/** Of the shift of a signal, this much may be left when it counts as returned. */
const LEFT_OVER = 0.25;
/** Of a business number, this share of its value before may be left. */
const KPI_MARGIN = 0.05;

interface Signal {
  readonly name: string;
  readonly unit: 'share' | 'number';
  readonly of: RatioOf;
  /** Counts that say of how many answers the fact is known. */
  readonly covered: string;
  /** Which direction is bad; `both` where that is unknown. */
  readonly bad: 'up' | 'down' | 'both';
}

type Periods<T> = Readonly<Record<'before' | 'during' | 'after', T>>;

/** All user signals of which anything is known, in the order of their names' table. */
export function residueSignals(input: ResidueInput): ResidueSignal[] {
  const { before, during, after } = input;
  const totals = { before: totalOf(before), during: totalOf(during), after: totalOf(after) };
  const only = eventsOnly(totals.before, totals.during, totals.after);
  const signals = signalsIn(totals, only);
  // Each of many signals may look as if it had not returned by chance alone (Bonferroni).
  const confidence = 1 - 0.05 / Math.max(1, signals.length);
  return signals.map((signal) => judged(signal, input, totals, confidence));
}

function totalOf({ blocks }: CountedPeriod): WindowCounts {
  const total: WindowCounts = new Map();
  for (const block of blocks) addCounts(total, block);
  return total;
}

function signalsIn(totals: Periods<WindowCounts>, only: EventsOnly): Signal[] {
  const share = (name: string, sum: string, n: string, bad: Signal['bad'], covered = n): Signal => ({
    name,
    unit: 'share',
    of: { sum, n, squares: null },
    covered,
    bad,
  });
  const mean = (name: string, key: string, unit: Signal['unit'], bad: Signal['bad']): Signal => ({
    name,
    unit,
    of: { sum: `${key}.s`, n: `${key}.n`, squares: `${key}.q` },
    covered: `${key}.n`,
    bad,
  });
  const all = Object.values(totals);
  const kpis = new Set(
    all.flatMap((counts) =>
      [...counts.keys()]
        .filter((key) => key.startsWith('kpi/') && key.endsWith('.n'))
        .map((key) => key.slice(4, -2)),
    ),
  );
  return [
    share('edits', 'edited', 'edited.n', 'up'),
    mean('edit-distance', 'edit', 'share', 'up'),
    // Silence means no only as long as outcomes come at all.
    ...USER_EVENTS.map(([name, fact]) =>
      only.has(fact) ? share(name, fact, 'n', 'up', 'outcome') : share(name, fact, `${fact}.n`, 'up'),
    ),
    share('review-rejection', 'rejected', 'rejected.n', 'up'),
    share('completion', 'completed', 'completed.n', 'down'),
    ...[...kpis].sort().map((name) => mean(`kpi:${name}`, `kpi/${name}`, 'number', 'both')),
  ].filter((signal) => all.some((counts) => (counts.get(signal.covered) ?? 0) > 0));
}

function judged(
  signal: Signal,
  input: ResidueInput,
  totals: Periods<WindowCounts>,
  confidence: number,
): ResidueSignal {
  const estimates = {
    before: periodEstimate(input.before.blocks, signal.of),
    during: periodEstimate(input.during.blocks, signal.of),
    after: periodEstimate(input.after.blocks, signal.of),
  };
  const { before, during, after } = estimates;
  const shown = (e: PeriodEstimate | null): ResidueValue => ({ value: e?.value ?? null, n: e?.n ?? 0 });
  const found = {
    signal: signal.name,
    unit: signal.unit,
    before: shown(before),
    during: shown(during),
    after: shown(after),
    shift: before === null || during === null ? null : differenceOf(during, before, 0.95),
    remaining: before === null || after === null ? null : differenceOf(after, before, 0.95),
  };
  const why = tooLittle(signal, estimates, totals);
  if (why !== null || before === null || during === null || after === null)
    return { ...found, margin: null, state: 'cannot-tell', why };
  const moved = excludesNone(differenceOf(during, before, confidence).interval);
  const cap = signal.unit === 'share' ? input.margin : KPI_MARGIN * Math.abs(before.value);
  const margin = moved ? Math.min(cap, LEFT_OVER * Math.abs(during.value - before.value)) : cap;
  const state = stateOf(signal, { before, after }, { margin, moved, confidence });
  const open = `the difference to the time before may be 0, or more than ${moved ? 'what may be left' : 'the margin'}`;
  return { ...found, margin, state, why: state === 'cannot-tell' ? open : null };
}

function stateOf(
  { bad }: Signal,
  { before, after }: Pick<Periods<PeriodEstimate>, 'before' | 'after'>,
  {
    margin,
    moved,
    confidence,
  }: { readonly margin: number; readonly moved: boolean; readonly confidence: number },
): ResidueState {
  // One-sided tests at 5% each: the worst that the data allows is within the margin.
  const [low, high] = differenceOf(after, before, 0.9).interval;
  const notUp = bad === 'down' || high < margin;
  const notDown = bad === 'up' || low > -margin;
  if (notUp && notDown) return moved ? 'returned' : 'unmoved';
  return excludesNone(differenceOf(after, before, confidence).interval) ? 'not-returned' : 'cannot-tell';
}

function excludesNone([low, high]: readonly [number, number]): boolean {
  return low > 0 || high < 0;
}

const NAMES = {
  before: 'before the change',
  during: 'during the incident',
  after: 'after the rollback',
} as const;
const PERIODS = ['before', 'during', 'after'] as const;

/** Why the data does not suffice; null where it does. */
function tooLittle(
  { covered }: Signal,
  estimates: Periods<PeriodEstimate | null>,
  totals: Periods<WindowCounts>,
): string | null {
  for (const period of PERIODS) {
    const known = totals[period].get(covered) ?? 0;
    if (known < LEAST_OUTCOMES)
      return `${known === 0 ? 'no outcome' : `only ${count(known, 'outcome')}`} ${NAMES[period]}; ${LEAST_OUTCOMES} are needed`;
  }
  const coverage = (counts: WindowCounts): number =>
    (counts.get(covered) ?? 0) / Math.max(1, counts.get('n') ?? 0);
  const [then, now] = [coverage(totals.before), coverage(totals.after)];
  if (now < LEAST_COVERAGE * then)
    return `outcomes of ${percent(now)} of the answers have come, ${percent(then)} before: what is missing may be the bad ones`;
  for (const period of PERIODS) {
    const blocks = (estimates[period]?.df ?? -1) + 1;
    if (blocks < LEAST_BLOCKS)
      return `only ${count(blocks, 'block')} of time with data ${NAMES[period]}; ${LEAST_BLOCKS} are needed`;
  }
  return null;
}

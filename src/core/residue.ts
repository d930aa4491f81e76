// What is left of an incident after its rollback: what users did before, during and after.

/** `unmoved`: it was not shown to move during the incident, and is as before. `cannot-tell` is never `returned`. */
export const RESIDUE_STATES = ['not-returned', 'cannot-tell', 'returned', 'unmoved'] as const;
export type ResidueState = (typeof RESIDUE_STATES)[number];

export interface ResiduePeriod {
  /** ISO times: from inclusive, to exclusive. */
  readonly from: string;
  readonly to: string;
  readonly observations: number;
  /** Length of the blocks that the error of a mean is estimated from, in hours. */
  readonly blockHours: number;
}

/** A value of one period; null where nothing is known. */
export interface ResidueValue {
  readonly value: number | null;
  /** How many outcomes it is known of. */
  readonly n: number;
}

/** Against the time before, with its 95% interval. */
export interface ResidueChange {
  readonly value: number;
  readonly interval: readonly [number, number];
}

export interface ResidueSignal {
  readonly signal: string;
  readonly unit: 'share' | 'number';
  readonly before: ResidueValue;
  readonly during: ResidueValue;
  readonly after: ResidueValue;
  /** during − before; null where it cannot be computed. */
  readonly shift: ResidueChange | null;
  /** after − before. */
  readonly remaining: ResidueChange | null;
  /** A remaining difference up to this one counts as none. */
  readonly margin: number | null;
  readonly state: ResidueState;
  /** Why the data does not suffice; null otherwise. */
  readonly why: string | null;
}

export interface ResidueReport {
  readonly feature: string;
  /** ISO times. */
  readonly rollback: string;
  readonly change: {
    readonly at: string;
    /** The withdrawn release, where the time of the change was found by it; null = it was given. */
    readonly release: string | null;
  };
  readonly before: ResiduePeriod;
  readonly during: ResiduePeriod;
  readonly after: ResiduePeriod;
  /** Answers younger than this are left out, because their outcomes may still come. */
  readonly settleHours: number;
  readonly signals: readonly ResidueSignal[];
  readonly verdict: 'returned' | 'not-returned' | 'cannot-tell';
}

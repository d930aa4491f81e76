// What the demo of production shows: simulated traffic, when which signal moved, and what the commands after it found.

import type { DecisionReport } from './decisions.ts';
import type { ResidueReport } from './residue.ts';
import type { SignalValue } from './signals.ts';

/** The largest change of a signal's level. */
export interface SignalShift {
  readonly signal: string;
  readonly unit: SignalValue['unit'];
  readonly lagging: boolean;
  /** ISO time: the start of the first block at the new level. */
  readonly at: string;
  /** Number of that block. */
  readonly block: number;
  /** Means of the blocks since the change before it, and of those up to the next one. */
  readonly before: number;
  readonly after: number;
}

export interface ProductionDemo {
  readonly feature: string;
  readonly db: string;
  /** Lines that the intake took. */
  readonly observations: number;
  readonly outcomes: number;
  /** ISO times of the simulated world. */
  readonly start: string;
  readonly change: string;
  readonly rollback: string;
  readonly end: string;
  readonly withdrawn: string;
  readonly restored: string;
  readonly shifts: readonly SignalShift[];
  readonly decisions: DecisionReport['counts'];
  readonly residue: Pick<ResidueReport, 'verdict' | 'signals'>;
}

// What the demo of production shows: simulated traffic, when which signal moved, and what the commands after it found.

import type { DecisionReport } from './decisions.ts';
import type { ResidueReport } from './residue.ts';
import type { MoveFacts, OrderedMove } from './timeline.ts';

/** When a signal first left its usual level, as `lastgood timeline` finds it. */
export interface DemoMove extends OrderedMove {
  readonly move: MoveFacts;
}

export interface ProductionDemo {
  readonly feature: string;
  readonly db: string;
  /** Lines that the intake took. */
  readonly observations: number;
  readonly outcomes: number;
  /** ISO times of the simulated world: where the quiet days begin, and the two weeks after them. */
  readonly first: string;
  readonly start: string;
  readonly change: string;
  readonly rollback: string;
  readonly end: string;
  readonly withdrawn: string;
  readonly restored: string;
  /** Oldest first. */
  readonly moves: readonly DemoMove[];
  readonly decisions: DecisionReport['counts'];
  readonly residue: Pick<ResidueReport, 'verdict' | 'signals'>;
}

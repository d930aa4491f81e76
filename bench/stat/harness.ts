// What the benchmark asks of a harness: be handed a world, call its arms, and say what you think.

import type { World } from './worlds.ts';

export interface HarnessVerdict {
  /** Would it stop the release? */
  readonly alarm: boolean;
  /** In the harness's own word, for the mix of verdicts. */
  readonly verdict: string;
  /** Indices of the cases it calls regressed. */
  readonly cases: readonly number[];
  /** Channels in which it saw a shift. */
  readonly channels: readonly string[];
}

export interface Harness {
  readonly name: string;
  /** Does it name single cases at all? */
  readonly namesCases: boolean;
  judge(world: World): HarnessVerdict;
}

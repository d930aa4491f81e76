// A bisection over layers: which of the layers that differ cause a regression, shown by running hybrids.

import type { LayerName } from './release.ts';

/** One configuration that was asked about: the good release with some of its layers from the bad one. */
export interface BisectTest {
  /** Layers taken from the bad release; all others are the good one's. */
  readonly fromBad: readonly LayerName[];
  /** The same, seen from the bad release: the layers put back. */
  readonly putBack: readonly LayerName[];
  readonly fingerprint: string;
  /** One snapshot a round of trials. */
  readonly snapshots: readonly string[];
  readonly outcome: 'good' | 'bad' | 'partly' | 'inconclusive';
  readonly passed: number;
  readonly trials: number;
  /** Probed cases that mostly pass. */
  readonly recovered: number;
  readonly pWorseThanGood: number;
  readonly pBetterThanBad: number;
  readonly calls: number;
  readonly reason: string;
}

/** A set of layers and what speaks for it. */
export interface BisectFinding {
  readonly layers: readonly LayerName[];
  /** No layer can be left out. false: an inconclusive answer leaves room for a smaller set. */
  readonly minimal: boolean;
  readonly reason: string;
}

export interface BisectPlan {
  readonly cases: readonly string[];
  readonly trialsPerRound: number;
  readonly maxRounds: number;
  /** Configurations that would be run: at least and at most, the two end points included. */
  readonly configurations: { readonly least: number; readonly most: number };
  readonly calls: { readonly least: number; readonly most: number };
  /** US dollars at the bad snapshot's mean cost of a call; null = unknown. */
  readonly costUsd: { readonly least: number; readonly most: number } | null;
  readonly order: readonly string[];
}

/** `found`: cause and cure are named. `nothing`: there is no regression, or no layer differs. `moved`: an end point no longer behaves as its snapshot does, so no layer can be blamed. */
export type BisectOutcome = 'found' | 'inconclusive' | 'nothing' | 'moved' | 'planned';

export interface BisectReport {
  readonly schemaVersion: 1;
  readonly kind: 'bisect';
  readonly suite: string;
  readonly good: { readonly id: string; readonly fingerprint: string; readonly release: string };
  readonly bad: { readonly id: string; readonly fingerprint: string; readonly release: string };
  readonly layersChanged: readonly LayerName[];
  readonly regressedCases: readonly string[];
  readonly plan: BisectPlan | null;
  readonly outcome: BisectOutcome;
  readonly reason: string;
  /** The smallest set of changed layers that brings the regression into the good release. */
  readonly cause: BisectFinding | null;
  /** The smallest set of layers to put back in the bad release. */
  readonly cure: (BisectFinding & { readonly fingerprint: string }) | null;
  readonly tests: readonly BisectTest[];
  readonly callsSpent: number;
}

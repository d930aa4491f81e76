// A rehearsal of the rollback path: what was proven, on what, and how long each step took.

import type { FlagTest } from './flag.ts';
import type { LayerName } from './release.ts';

/** One thing that had to be shown; `holds` null = not known. */
export interface DrillCheck {
  readonly what: string;
  readonly holds: boolean | null;
  readonly detail: string;
}

export interface DrillProof {
  readonly name: 'restore model and prompt' | 'tools off, read-only answers on' | 'automatic to human review';
  readonly outcome: 'proven' | 'failed' | 'inconclusive';
  /** From the decision to the last check. */
  readonly elapsedMs: number;
  /** The release that was written, loaded and run; null when it could not be made. */
  readonly fingerprint: string | null;
  readonly layersChanged: readonly LayerName[];
  readonly snapshot: string | null;
  readonly checks: readonly DrillCheck[];
}

/** Real flags of an environment, read as applications read them. */
export interface DrillFlips {
  readonly feature: string;
  readonly environment: string;
  /** `ledger`, or the address of the server that was asked. */
  readonly through: string;
  /** One for each flag that could be tried; `ai.release` went through the stages of an applied rollback. */
  readonly tests: readonly FlagTest[];
}

/** Kept in the ledger as a record of kind `drill`. */
export interface DrillReport {
  readonly schemaVersion: 1;
  readonly kind: 'drill';
  readonly suite: string;
  readonly release: string;
  readonly fingerprint: string;
  /** Who says that this release is in production: a file's name, or `baseline ID`. Absent in drills kept by earlier versions. */
  readonly releaseFrom?: string | undefined;
  /** A drill on the simulator rehearses the path, not the provider; the report says so. */
  readonly where: { readonly kind: 'simulator' | 'staging'; readonly name: string };
  /** ISO time of the start. */
  readonly at: string;
  /** `passed` only when every proof was made within the limit. */
  readonly outcome: 'passed' | 'failed' | 'inconclusive';
  readonly limitMs: number;
  readonly proofs: readonly DrillProof[];
  /** Flags that were flipped and set back in a staging environment; absent where the drill flipped none. */
  readonly flips?: DrillFlips | undefined;
  readonly callsSpent: number;
}

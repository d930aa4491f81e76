// What the stages need from outside, as small interfaces. The cli hands the real ones in; tests hand in their own.

/** Wall-clock time. Everything that is dated asks this. */
export interface Clock {
  now(): Date;
}

/** Uniform numbers in [0, 1). */
export interface Rng {
  next(): number;
}

/** Looks up one environment variable; the only way secrets come in. */
export interface Env {
  (name: string): string | undefined;
  /** The names that are set, where they can be listed. */
  readonly names?: readonly string[] | undefined;
}

/** Where progress and warnings go; never results. */
export interface Progress {
  /** A finding the reader should know of; `code` is stable. */
  warn(warning: Warning): void;
  /** One tick of work done; shown live on a terminal, as sparse lines elsewhere. */
  step(step: ProgressStep): void;
}

export interface Warning {
  readonly code: string;
  /** What was seen and why it matters. */
  readonly message: string;
  readonly hint?: string;
}

export interface ProgressStep {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly failed?: number;
  readonly skipped?: number;
  /** Of the graded so far: how many passed. */
  readonly passed?: number;
  readonly graded?: number;
  /** US dollars so far, as far as they are known. */
  readonly costUsd?: number;
  /** The cost of some calls is unknown: `costUsd` is a lower bound. */
  readonly costPartial?: boolean;
  /** Milliseconds that the rest will take at the pace of the last minute. */
  readonly leftMs?: number;
  /** What is waited for, in a few words. */
  readonly note?: string | undefined;
}

export const SILENT: Progress = { warn() {}, step() {} };

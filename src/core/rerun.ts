// The cases that did not pass in one snapshot, run again.

/** What became of them. */
export interface Rerun {
  /** The snapshot whose failures were run again. */
  readonly of: string;
  /** Cases that were run. */
  readonly cases: number;
  /** Cases of that snapshot in all. */
  readonly ofCases: number;
  /** Every trial passed. */
  readonly nowPassing: readonly string[];
  /** At least one trial failed or has no grade. */
  readonly stillFailing: readonly string[];
  /** Of the cases that were run: those whose content is another than in that snapshot. */
  readonly edited: readonly string[];
  /** Failed there and are not in the suite any more. */
  readonly gone: readonly string[];
}

// What an import of foreign files came to: what was written, and what became of every construct of the source.

/** One construct that did not come over as it was. */
export interface Loss {
  /** What it is in the words of the source, e.g. `assert type "perplexity"`. */
  readonly construct: string;
  /** How it was approximated, or why it was dropped. */
  readonly reason: string;
  readonly file: string;
  /** null where the source has no lines. */
  readonly line: number | null;
  /** How often; further places of what stands in very many are counted with the last listed one. */
  readonly count: number;
}

export interface LossReport {
  /** Constructs that mean the same here. */
  readonly mapped: number;
  readonly approximated: readonly Loss[];
  readonly dropped: readonly Loss[];
}

export interface ImportResult extends LossReport {
  readonly format: string;
  readonly files: readonly string[];
  /** The folder that was written to, as it was given. */
  readonly to: string;
  readonly dryRun: boolean;
  readonly cases: number;
  /** Of them: without a grader. */
  readonly drafts: number;
  /** Records whose content was a case already. */
  readonly duplicates: number;
  readonly releases: number;
  readonly recordings: number;
  /** Answers with labels that people gave. */
  readonly labels: number;
  /** Credentials that were replaced by `[secret]`. */
  readonly masked: number;
  /** Files that were written, relative to `to`. */
  readonly written: readonly string[];
  /** A recorded release to run first, relative to `to`; null without recordings. */
  readonly recorded: string | null;
}

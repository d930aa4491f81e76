// What the catalogue says about one code.

export interface CatalogueEntry {
  /** Exit codes a command can end with after this error; none for a warning. */
  readonly exits: readonly (2 | 3 | 4 | 5)[];
  /** What happened. */
  readonly meaning: string;
  /** Why it usually happens. */
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
}

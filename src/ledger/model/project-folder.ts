// The folder that places in the ledger are relative to. Apart from the rest: the public types name it, and must not lead to the database.

/** The folder that places are relative to, and the user's own folder, which no message needs to name. */
export interface ProjectFolder {
  /** Absolute. */
  readonly root: string;
  readonly home?: string | undefined;
  /** A folder with a copy of the project at another commit: places in the copy are kept as places in the project. */
  readonly copy?: { readonly folder: string; readonly of: string } | undefined;
}

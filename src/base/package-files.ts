// Where the files lie that come with the program: the same for the sources (src/base) and for what is built (dist/chunks).

/** A file of the package, by its path from the top. */
export const packageFile = (path: string): URL => new URL(`../../${path}`, import.meta.url);

/** The script of a thread: the path of its module below src, without an ending. */
export const threadScript = (module: string): URL =>
  new URL(`../${module}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

// One word of a command as it is typed in a POSIX shell.

/** Quoted where the shell would read it differently. A word that begins with `-` keeps its dash. */
export function shellWord(word: string): string {
  return /^[\w@./:=,+-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

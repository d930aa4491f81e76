// Who blessed an exported snapshot, read from the head of its file.

import type { ImportedBlessing } from '../../core/snapshot.ts';
import { invalid } from './import-checks.ts';
import { checkBlessing, parseLine } from './import-line.ts';

/**
 * The blessings an exported snapshot carries, by time; the rest of the file is not read. They say what a person did elsewhere: only a command
 * that was given the file as its baseline may use them, and only for a snapshot of this fingerprint. Throws `IMPORT_INVALID`.
 */
export async function readBlessings(
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<readonly ImportedBlessing[]> {
  const found: ImportedBlessing[] = [];
  let head: { readonly id: string; readonly suite: string; readonly fingerprint: string } | null = null;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text === '') continue;
    const line = parseLine(text, number);
    if (head === null) {
      if (line.kind !== 'snapshot') throw invalid('the first line must be the snapshot', number);
      head = { id: line.id, suite: line.suite.name, fingerprint: line.release.fingerprint };
      continue;
    }
    if (line.kind !== 'blessing') break;
    checkBlessing(line, head, number);
    const { kind: _kind, ...said } = line;
    found.push({ ...said, snapshot: head.id });
  }
  if (head === null) throw invalid('it is empty');
  return found;
}

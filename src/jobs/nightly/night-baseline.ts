// What a night is compared with.

import type { CheckBaseline } from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { findBaseline } from '../check/check-baseline.ts';

export interface NightBaseline {
  readonly id: string;
  /** When it was blessed; of a file without a blessing, when it ran. */
  readonly at: string;
  readonly source: CheckBaseline['source'];
  readonly file: string | null;
}

/** `--against`, else what was blessed last in the ledger or in a committed file, else the newest committed snapshot. */
export async function nightBaseline(
  work: Workplace,
  suite: string,
  input: {
    readonly against?: string | undefined;
    readonly snapshots?: { readonly dir: string; readonly cwd: string } | undefined;
  },
): Promise<NightBaseline | null> {
  const blessing = (await work.store.blessings(suite)).at(-1);
  if (input.against === undefined && input.snapshots === undefined)
    return blessing === undefined
      ? null
      : { id: blessing.snapshot, at: blessing.at, source: 'blessed', file: null };
  const found = await findBaseline(work, {
    suite,
    against: input.against,
    dir: input.snapshots?.dir ?? '',
    cwd: input.snapshots?.cwd ?? '.',
  });
  if (found === null) return null;
  const { source, file } = found.about;
  const at = source === 'blessed' && blessing !== undefined ? blessing.at : found.summary.startedAt;
  return { id: found.summary.id, at, source, file };
}

// What a withdrawn release left behind in the ledger: its snapshots, and the decisions in which it had a part.

import { LastgoodError, shortHash } from '../../base/index.ts';
import type { SnapshotSummary } from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export interface MadeBy {
  readonly fingerprint: string;
  /** Newest first. */
  readonly snapshots: readonly SnapshotSummary[];
  /** Oldest first. */
  readonly decisions: readonly {
    readonly kind: string;
    readonly suite: string;
    readonly at: string;
    /** What the release was in it. */
    readonly role: 'incident' | 'baseline' | 'target' | 'refused' | 'checked' | 'drilled';
    readonly outcome: string;
  }[];
}

/** Everything of one fingerprint. Throws FINGERPRINT_UNKNOWN or FINGERPRINT_AMBIGUOUS. */
export async function madeBy(
  work: Pick<Workplace, 'store'>,
  input: { readonly prefix: string; readonly suite?: string | undefined; readonly limit: number },
): Promise<MadeBy> {
  const all = (await work.store.list({ suite: input.suite })).filter((s) =>
    s.fingerprint.startsWith(input.prefix),
  );
  const fingerprints = [...new Set(all.map((s) => s.fingerprint))];
  const [fingerprint] = fingerprints;
  if (fingerprint === undefined) {
    throw new LastgoodError({
      code: 'FINGERPRINT_UNKNOWN',
      message: `no snapshot was made by a release whose fingerprint begins with ${input.prefix}`,
      hint: 'lastgood list shows the fingerprints there are',
    });
  }
  if (fingerprints.length > 1) {
    throw new LastgoodError({
      code: 'FINGERPRINT_AMBIGUOUS',
      message: `${input.prefix} begins ${fingerprints.length} fingerprints: ${fingerprints.map(shortHash).join(', ')}`,
      hint: 'give more digits',
    });
  }
  const suites = [...new Set(all.map((s) => s.suite))];
  const decisions: MadeBy['decisions'][number][] = [];
  for (const kind of ['rollback', 'state-check', 'drill']) {
    for (const suite of suites) {
      for (const record of await work.store.records(kind, suite)) {
        const part = partIn(kind, record.body as Readonly<Record<string, unknown>>, fingerprint);
        if (part !== null) decisions.push({ kind, suite, at: record.at, ...part });
      }
    }
  }
  decisions.sort((a, b) => (a.at < b.at ? -1 : 1));
  return { fingerprint, snapshots: all.slice(0, input.limit), decisions };
}

function partIn(
  kind: string,
  body: Readonly<Record<string, unknown>>,
  fingerprint: string,
): Pick<MadeBy['decisions'][number], 'role' | 'outcome'> | null {
  const outcome = String(body['decision'] ?? body['outcome'] ?? '');
  const is = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    'fingerprint' in value &&
    value.fingerprint === fingerprint;
  if (kind === 'rollback') {
    if (is(body['target'])) return { role: 'target', outcome };
    if (is(body['current'])) return { role: 'incident', outcome };
    if (is(body['baseline'])) return { role: 'baseline', outcome };
    const rejected = body['rejected'];
    return Array.isArray(rejected) && rejected.some(is) ? { role: 'refused', outcome } : null;
  }
  if (body['fingerprint'] !== fingerprint) return null;
  return { role: kind === 'drill' ? 'drilled' : 'checked', outcome };
}

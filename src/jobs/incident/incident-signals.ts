// When should it have been seen? Every run between good and bad against the good one: what moved, and from when on it stayed.

import { compareSnapshots } from '../../compare/index.ts';
import type { Comparison, Policy, Signal, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { answerVectors } from '../../engine/comparison/answer-vectors.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** Runs compared at most, counted back from the bad one. */
const MAX_RUNS = 30;

export interface Detection {
  readonly lastGood: { readonly id: string; readonly at: string } | null;
  readonly firstBad: { readonly id: string; readonly at: string };
  /** Of the first bad run against the good one. */
  readonly firstBadComparison: Comparison;
  readonly signals: readonly Signal[];
  readonly runsLookedAt: number;
}

/** The runs from good to bad on the path that led to the incident, oldest first, both ends included. */
export function pathBetween(
  runs: readonly SnapshotSummary[],
  good: SnapshotSummary,
  bad: SnapshotSummary,
): SnapshotSummary[] {
  const between = runs
    .filter(
      (s) =>
        s.id !== good.id &&
        s.id !== bad.id &&
        s.purpose === 'run' &&
        s.state === 'finished' &&
        s.validity !== 'invalid' &&
        s.startedAt > good.startedAt &&
        s.startedAt < bad.startedAt &&
        (s.fingerprint === good.fingerprint || s.fingerprint === bad.fingerprint),
    )
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  return [good, ...between, bad];
}

/** Compares each run with the good one. A signal counts from the run on after which it never went away again. */
export async function findSignals(
  work: Pick<Workplace, 'store' | 'progress'>,
  path: readonly SnapshotSummary[],
  good: SnapshotResults,
  final: Comparison,
  policy: Policy,
): Promise<Detection> {
  const looked = path.slice(1).slice(-MAX_RUNS);
  const seen: { run: SnapshotSummary; comparison: Comparison; signals: ReadonlyMap<string, Signal> }[] = [];
  for (const [i, run] of looked.entries()) {
    const comparison =
      run.id === final.candidate.id ? final : await comparedWith(work.store, good, run, policy);
    seen.push({ run, comparison, signals: signalsOf(comparison, run) });
    work.progress.step({ label: 'runs looked at', done: i + 1, total: looked.length });
  }
  const lasting = (holds: (s: (typeof seen)[number]) => boolean): number => {
    let first = seen.length;
    while (first > 0 && holds(seen[first - 1] as (typeof seen)[number])) first--;
    return first;
  };
  const bad = seen.at(-1);
  if (bad === undefined) throw new RangeError('a path needs a bad run');
  const at = Math.min(
    seen.length - 1,
    lasting((s) => s.comparison.verdict === 'regressed' || s.comparison.gate.outcome === 'fail'),
  );
  const firstBad = seen[at] ?? bad;
  const before = at > 0 ? seen[at - 1]?.run : path[path.length - looked.length - 1];
  const signals = [...bad.signals.keys()]
    .map((name) => seen[lasting((s) => s.signals.has(name))]?.signals.get(name))
    .filter((s) => s !== undefined)
    .sort(
      (a, b) =>
        (a.at < b.at ? -1 : a.at > b.at ? 1 : 0) ||
        Number(a.strength === 'warn') - Number(b.strength === 'warn') ||
        Number(a.name !== 'verdict') - Number(b.name !== 'verdict'),
    );
  return {
    lastGood: before === undefined ? null : { id: before.id, at: before.startedAt },
    firstBad: { id: firstBad.run.id, at: firstBad.run.startedAt },
    firstBadComparison: firstBad.comparison,
    signals,
    runsLookedAt: looked.length + 1,
  };
}

async function comparedWith(
  store: Workplace['store'],
  good: SnapshotResults,
  run: SnapshotSummary,
  policy: Policy,
): Promise<Comparison> {
  const results = await store.results(run.id);
  const vectors = await answerVectors(store, good, results, policy);
  return compareSnapshots(good, results, { policy, vectors });
}

/** What one comparison would have reported: gate rules that failed or warned, tags that regressed. */
function signalsOf(c: Comparison, run: SnapshotSummary): ReadonlyMap<string, Signal> {
  const out = new Map<string, Signal>();
  const put = (name: string, strength: Signal['strength'], message: string): void => {
    if (!out.has(name)) out.set(name, { name, strength, at: run.startedAt, snapshot: run.id, message });
  };
  for (const rule of c.gate.rules)
    if (rule.outcome === 'fail' || rule.outcome === 'warn') put(rule.rule, rule.outcome, rule.message);
  for (const slice of c.slices)
    if (slice.verdict === 'regressed') put(`tag ${slice.tag}`, 'fail', slice.reason);
  return out;
}

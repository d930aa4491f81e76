// What the HTML page of a comparison shows beside its numbers: the stored trials of the cases that matter, the runs over
// time, the values behind the distributions, and how the two configurations differ.

import { onsetOfRates } from '../../compare/index.ts';
import {
  type Comparison,
  changedLayers,
  type SnapshotResults,
  type SnapshotStore,
  type SnapshotSummary,
  type StoredTrial,
} from '../../core/index.ts';
import { diffReleases } from '../../release/index.ts';
import {
  type CaseTrials,
  type CaseView,
  caseView,
  comparisonHtmlPieces,
  type HtmlOptions,
  hasChanged,
  type PageFrame,
  pageCases,
  type SeriesMark,
  type SeriesPoint,
} from '../../report/index.ts';
import { wilson } from '../../stats/index.ts';
import { contentOf } from '../comparison/compare-stored.ts';
import { DETAIL_BUDGET, viewsWithin } from './case-views.ts';

/** Runs drawn over time; with fewer than the least there is no course to see. */
const MAX_RUNS = 90;
export const MIN_RUNS = 3;

/** The self-contained page of a stored comparison, in pieces. */
export async function diffPage(
  store: SnapshotStore,
  comparison: Comparison,
  more: {
    readonly next?: string | undefined;
    readonly preface?: readonly string[];
    readonly distributions?: Distributions | undefined;
    readonly frame?: PageFrame | undefined;
  } = {},
): Promise<Iterable<string>> {
  const { next, preface, distributions, frame } = more;
  const options = await pageOptions(store, comparison, { distributions });
  return comparisonHtmlPieces(comparison, {
    ...options,
    frame,
    ...(next === undefined ? {} : { next }),
    ...(preface === undefined ? {} : { preface }),
  });
}

/** Everything `comparisonHtml` can use that the ledger knows. The distributions are read from it where they are not given. */
export async function pageOptions(
  store: SnapshotStore,
  comparison: Comparison,
  given: { readonly budget?: number; readonly distributions?: Distributions | undefined } = {},
): Promise<HtmlOptions> {
  const { id: a } = comparison.baseline;
  const { id: b } = comparison.candidate;
  const distributions =
    given.distributions ??
    distributionsOf(valuesOf(await store.results(a)), valuesOf(await store.results(b)));
  const { views, leftOut } = await caseViews(store, comparison, given.budget ?? DETAIL_BUDGET);
  const history = await runHistory(store, comparison);
  return {
    views,
    ...(leftOut === null ? {} : { leftOut }),
    ...(history.points.length >= MIN_RUNS ? { history } : {}),
    distributions,
    configuration: diffReleases(await store.releaseOf(a), await store.releaseOf(b)),
  };
}

/** The trials of the cases in order of importance until the budget is spent, each let go once it is markup; what is left out is said. */
async function caseViews(
  store: SnapshotStore,
  comparison: Comparison,
  budget: number,
): Promise<{ views: Map<string, CaseView>; leftOut: string | null }> {
  const { views, missing } = await viewsWithin(budget, pageCases(comparison), async (d) => {
    const asked =
      (await store.caseOf(comparison.candidate.id, d.id)) ??
      (await store.caseOf(comparison.baseline.id, d.id));
    const sides: CaseTrials = {
      ...(asked === undefined ? {} : { content: contentOf(asked) }),
      baseline: await trialsOf(store, comparison.baseline.id, d.id),
      candidate: await trialsOf(store, comparison.candidate.id, d.id),
    };
    const shown = [sides.content, sides.baseline.map(shownPart), sides.candidate.map(shownPart)];
    return { size: JSON.stringify(shown).length, view: () => caseView(d, sides) };
  });
  const changed = missing.filter(hasChanged).length;
  return {
    views,
    leftOut:
      missing.length === 0
        ? null
        : `The answers of ${missing.length} cases (${changed} of them changed) are left out to keep the page small: their numbers are here, their answers in lastgood show ${comparison.candidate.id} --case ID.`,
  };
}

async function trialsOf(store: SnapshotStore, snapshot: string, caseId: string): Promise<StoredTrial[]> {
  const trials: StoredTrial[] = [];
  for await (const stored of store.trials(snapshot, caseId)) trials.push(stored);
  return trials;
}

/** The parts of a trial that reach the page. */
function shownPart({ trial, grades }: StoredTrial): unknown {
  return [trial.status === 'answered' ? trial.output : trial.message, grades];
}

/** What the histograms of the page draw. */
export type Distributions = NonNullable<HtmlOptions['distributions']>;

interface Values {
  readonly length: Float64Array;
  readonly latencyMs: Float64Array;
}

/** The values of single answers, for a page: all it needs of two snapshots' results, which are best let go before it is made. */
export function distributionsOf(before: Values, after: Values): Distributions {
  return {
    length: { baseline: before.length, candidate: after.length },
    latencyMs: { baseline: before.latencyMs, candidate: after.latencyMs },
  };
}

/** Length and latency of every answer of which they are known. */
export function valuesOf({ cases }: SnapshotResults): Values {
  const most = cases.reduce((sum, c) => sum + c.trials.length, 0);
  const read = (of: 'length' | 'latencyMs'): Float64Array => {
    const values = new Float64Array(most);
    let at = 0;
    for (const c of cases)
      for (const trial of c.trials) {
        const value = trial[of];
        if (value !== null) values[at++] = value;
      }
    return values.subarray(0, at);
  };
  return { length: read('length'), latencyMs: read('latencyMs') };
}

/** The suite's runs up to the newer of the two snapshots, with the two compared ones, changes of release and the onset of a drop marked. */
export async function runHistory(
  store: SnapshotStore,
  { suite, baseline, candidate }: Pick<Comparison, 'suite' | 'baseline' | 'candidate'>,
): Promise<{ points: SeriesPoint[]; marks: SeriesMark[] }> {
  const until = [baseline.startedAt, candidate.startedAt].sort()[1] ?? candidate.startedAt;
  const listed = (await store.list({ suite })).filter((s) => s.startedAt <= until && s.state === 'finished');
  const compared = (s: SnapshotSummary): boolean => s.id === baseline.id || s.id === candidate.id;
  // A run of a part of the suite has a rate of other cases: in the plot it would look like a change.
  const least = Math.max(0, ...listed.filter(compared).map((s) => s.cases)) / 2;
  const runs = listed
    .filter((s) => compared(s) || (s.purpose === 'run' && s.cases >= least))
    .slice(0, MAX_RUNS)
    .reverse();
  const points = runs.map((s): SeriesPoint => {
    const role = s.id === baseline.id ? 'baseline' : s.id === candidate.id ? 'candidate' : undefined;
    return {
      at: s.startedAt,
      value: s.validity === 'invalid' ? null : s.passRate,
      interval: passInterval(s),
      label: `${s.startedAt.slice(0, 16).replace('T', ' ')} ${s.id} ${s.release}`,
      role,
    };
  });
  return { points, marks: [...onsetMark(runs, baseline, candidate), ...releaseMarks(runs)].slice(0, 12) };
}

function passInterval(s: SnapshotSummary): readonly [number, number] | undefined {
  const graded = s.answered - s.ungraded;
  if (s.passRate === null || graded < 1 || s.validity === 'invalid') return undefined;
  const interval = wilson(s.passRate * graded, graded);
  return interval === null ? undefined : [interval.lower, interval.upper];
}

/** Where the runs of the two compared releases fell and stayed down. */
function onsetMark(
  runs: readonly SnapshotSummary[],
  baseline: Comparison['baseline'],
  candidate: Comparison['candidate'],
): SeriesMark[] {
  const path = runs.filter(
    (s) =>
      s.startedAt >= baseline.startedAt &&
      (s.fingerprint === baseline.fingerprint || s.fingerprint === candidate.fingerprint),
  );
  const onset = onsetOfRates(path.map((s) => (s.validity === 'invalid' ? null : s.passRate)));
  const at = onset === null ? undefined : path[onset.index];
  return at === undefined || onset === null || path.length < 4 || onset.before - onset.after < 0.02
    ? []
    : [{ at: at.startedAt, text: `lower since ${at.startedAt.slice(0, 10)}` }];
}

/** Runs whose release of the same name had another content the time before. */
function releaseMarks(runs: readonly SnapshotSummary[]): SeriesMark[] {
  const marks: SeriesMark[] = [];
  const last = new Map<string, SnapshotSummary>();
  for (const run of runs) {
    const before = last.get(run.release);
    if (before !== undefined && before.fingerprint !== run.fingerprint)
      marks.push({ at: run.startedAt, text: `${changedLayers(before, run).join(' + ')} changed` });
    last.set(run.release, run);
  }
  return marks;
}

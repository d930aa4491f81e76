// What changed for users: failure rates by template, tag and grader, and the few outputs that show it best.

import { shortHash } from '../../base/index.ts';
import { turnText } from '../../core/case-conversation.ts';
import type {
  Case,
  CommonestAnswer,
  Comparison,
  FailureRates,
  IncidentExample,
  IncidentReport,
  PairedDelta,
  Release,
  SnapshotResults,
  SnapshotStore,
  StoredTrial,
  Suite,
} from '../../core/index.ts';
import { type CaseTrials, shownOutput, tellingPair } from '../../report/index.ts';
import { regressedCases } from '../../rollback/index.ts';
import { renderRequest } from '../../run/index.ts';

/** Drops shown before and after; fewer when they all tell the same story. One gain may stand beside them. */
const MAX_EXAMPLES = 4;
const SAME_STORY = 3;

interface Sides<T> {
  readonly good: T;
  readonly bad: T;
}

/** The whole behavioural part. */
export async function describeBehaviour(
  store: SnapshotStore,
  comparison: Comparison,
  results: Sides<SnapshotResults>,
  releases: Sides<Release>,
  suite: Suite,
): Promise<IncidentReport['behaviour']> {
  return {
    templates: templateRates(results, releases, suite),
    categories: comparison.slices
      .map(
        (s): FailureRates => ({
          name: s.tag,
          cases: s.cases,
          before: { failed: s.baseline.trials - s.baseline.passed, trials: s.baseline.trials },
          after: { failed: s.candidate.trials - s.candidate.passed, trials: s.candidate.trials },
          verdict: s.verdict,
        }),
      )
      .sort((a, b) => share(b.after) - share(b.before) - (share(a.after) - share(a.before))),
    graders: await graderRates(store, comparison),
    examples: await chooseExamples(store, comparison, releases.bad, suite),
    ...(await commonAnswers(store, comparison, results)),
    usualLength: usualLength(results.good),
  };
}

/** Failed share of trials; 0 where there are none. */
function share(side: FailureRates['before']): number {
  return side.trials === 0 ? 0 : side.failed / side.trials;
}

/** Cases that go through the release's message template, and those that bring a conversation of their own. */
function templateRates(
  results: Sides<SnapshotResults>,
  releases: Sides<Release>,
  suite: Suite,
): FailureRates[] {
  const own = new Set(
    suite.cases.filter((c) => c.messages !== null || c.turns !== undefined).map((c) => c.id),
  );
  const prompt = (r: Release): string =>
    r.layerHashes.prompt === undefined ? 'no prompt layer' : `prompt ${shortHash(r.layerHashes.prompt)}`;
  const [before, after] = [prompt(releases.good), prompt(releases.bad)];
  const version = before === after ? before : `${before} → ${after}`;
  const group = (name: string, wanted: (id: string) => boolean): FailureRates[] => {
    const count = (r: SnapshotResults): FailureRates['before'] => {
      const graded = r.cases
        .filter((c) => wanted(c.id))
        .flatMap((c) => c.trials.filter((t) => t.pass !== null));
      return { failed: graded.filter((t) => t.pass === false).length, trials: graded.length };
    };
    const cases = results.bad.cases.filter((c) => wanted(c.id)).length;
    return cases === 0 ? [] : [{ name, cases, before: count(results.good), after: count(results.bad) }];
  };
  return [
    ...group(`message template of the release (${version})`, (id) => !own.has(id)),
    ...group(`conversations written in the cases (${version})`, (id) => own.has(id)),
  ];
}

/** Of the compared cases' trials, how many each grader failed. */
async function graderRates(store: SnapshotStore, comparison: Comparison): Promise<FailureRates[]> {
  const paired = new Set(comparison.cases.flatMap((c) => ('delta' in c ? [c.id] : [])));
  const count = async (
    snapshot: string,
  ): Promise<Map<string, { failed: number; trials: number; cases: Set<string> }>> => {
    const out = new Map<string, { failed: number; trials: number; cases: Set<string> }>();
    for await (const { trial, grades } of store.trials(snapshot)) {
      if (!paired.has(trial.caseId)) continue;
      for (const g of grades) {
        if (g.status !== 'scored') continue;
        const entry = out.get(g.graderId) ?? { failed: 0, trials: 0, cases: new Set<string>() };
        entry.trials++;
        entry.cases.add(trial.caseId);
        if (!g.pass) entry.failed++;
        out.set(g.graderId, entry);
      }
    }
    return out;
  };
  const before = await count(comparison.baseline.id);
  const after = await count(comparison.candidate.id);
  const none = { failed: 0, trials: 0, cases: new Set<string>() };
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name): FailureRates => {
      const [a, b] = [before.get(name) ?? none, after.get(name) ?? none];
      return {
        name,
        cases: Math.max(a.cases.size, b.cases.size),
        before: { failed: a.failed, trials: a.trials },
        after: { failed: b.failed, trials: b.trials },
      };
    })
    .filter((r) => r.before.failed + r.after.failed > 0)
    .sort(
      (a, b) =>
        share(b.after) - share(b.before) - (share(a.after) - share(a.before)) || (a.name < b.name ? -1 : 1),
    );
}

/** The largest drops; among equal ones those of tags that lost most, one of each tag before a second. */
async function chooseExamples(
  store: SnapshotStore,
  comparison: Comparison,
  release: Release,
  suite: Suite,
): Promise<IncidentExample[]> {
  const deltas = new Map(
    comparison.cases.filter((c): c is PairedDelta => 'delta' in c && c.delta < 0).map((c) => [c.id, c]),
  );
  const tagLoss = new Map(comparison.slices.map((s) => [s.tag, s.delta]));
  const loss = (d: PairedDelta): number => Math.min(0, ...d.tags.map((t) => tagLoss.get(t) ?? 0));
  const ranked = regressedCases(comparison)
    .flatMap((id) => deltas.get(id) ?? [])
    .sort((a, b) => a.delta - b.delta || loss(a) - loss(b) || (a.id < b.id ? -1 : 1));
  const chosen: PairedDelta[] = [];
  const used = new Set<string>();
  for (const d of ranked) {
    const tag = [...d.tags].sort((a, b) => (tagLoss.get(a) ?? 0) - (tagLoss.get(b) ?? 0))[0] ?? '';
    if (used.has(tag)) continue;
    used.add(tag);
    chosen.push(d);
  }
  for (const d of ranked) if (!chosen.includes(d)) chosen.push(d);
  const worse = chosen.slice(0, used.size === 1 ? SAME_STORY : MAX_EXAMPLES);
  const cases = new Map(suite.cases.map((c) => [c.id, c]));
  const examples: IncidentExample[] = [];
  for (const d of [...worse, ...otherSide(comparison)]) {
    const c = cases.get(d.id);
    const example = c === undefined ? null : await exampleOf(store, comparison, d, c, release);
    if (example !== null) examples.push(example);
  }
  return examples;
}

/** Where a tag got better: its largest gain, so that the reader sees what was traded for what. */
function otherSide(comparison: Comparison): PairedDelta[] {
  const better = new Set(comparison.slices.filter((s) => s.verdict === 'improved').map((s) => s.tag));
  return comparison.cases
    .filter((c): c is PairedDelta => 'delta' in c && c.delta > 0 && c.tags.some((t) => better.has(t)))
    .sort((a, b) => b.delta - a.delta || (a.id < b.id ? -1 : 1))
    .slice(0, 1);
}

async function exampleOf(
  store: SnapshotStore,
  comparison: Comparison,
  d: PairedDelta,
  c: Case,
  release: Release,
): Promise<IncidentExample | null> {
  const trials: CaseTrials = {
    baseline: await trialsOf(store, comparison.baseline.id, d.id),
    candidate: await trialsOf(store, comparison.candidate.id, d.id),
  };
  const pair = tellingPair(trials, d.delta < 0);
  if (pair === null) return null;
  const expected = c.expected;
  return {
    caseId: d.id,
    direction: d.delta < 0 ? 'worse' : 'better',
    tags: d.tags,
    input: inputOf(c, release),
    expected:
      expected === undefined ? null : typeof expected === 'string' ? expected : JSON.stringify(expected),
    before: shownOutput(pair[0]),
    after: shownOutput(pair[1]),
    beforePassed: d.baseline.passed,
    beforeTrials: d.baseline.trials,
    afterPassed: d.candidate.passed,
    afterTrials: d.candidate.trials,
    reasons: pair[1].grades.flatMap((g) =>
      g.status === 'scored' && !g.pass ? [`${g.graderId}: ${g.reason}`] : [],
    ),
  };
}

/** Answers that no longer depend on the question show as one text given again and again. */
async function commonAnswers(
  store: SnapshotStore,
  comparison: Comparison,
  results: Sides<SnapshotResults>,
): Promise<Pick<IncidentReport['behaviour'], 'commonest' | 'gainsByCommonest'>> {
  const commonest = async (
    side: SnapshotResults,
  ): Promise<{ hash: string; answer: CommonestAnswer } | null> => {
    const counts = new Map<string, { count: number; caseId: string; trial: number }>();
    let of = 0;
    for (const c of side.cases)
      for (const t of c.trials) {
        if (t.outputHash === null) continue;
        of++;
        const entry = counts.get(t.outputHash);
        if (entry === undefined) counts.set(t.outputHash, { count: 1, caseId: c.id, trial: t.trial });
        else entry.count++;
      }
    const top = [...counts].sort((a, b) => b[1].count - a[1].count || (a[0] < b[0] ? -1 : 1))[0];
    if (top === undefined) return null;
    const [hash, { count, caseId, trial }] = top;
    const stored = (await trialsOf(store, side.summary.id, caseId)).find((t) => t.trial.trial === trial);
    return { hash, answer: { text: stored === undefined ? '' : shownOutput(stored), count, of } };
  };
  const before = await commonest(results.good);
  const after = await commonest(results.bad);
  const better = comparison.slices.filter((s) => s.verdict === 'improved').map((s) => s.tag);
  const gains = better.map((tag) => {
    const passed = results.bad.cases
      .filter((c) => c.tags.includes(tag))
      .flatMap((c) => c.trials.filter((t) => t.pass === true));
    return { tag, passed: passed.length, same: passed.filter((t) => t.outputHash === after?.hash).length };
  });
  return {
    commonest: { before: before?.answer ?? null, after: after?.answer ?? null },
    gainsByCommonest: gains,
  };
}

function usualLength(good: SnapshotResults): { p05: number; p95: number } | null {
  const lengths = good.cases
    .flatMap((c) => c.trials.flatMap((t) => (t.length === null ? [] : [t.length])))
    .sort((a, b) => a - b);
  const at = (q: number): number | undefined => lengths[Math.floor(q * (lengths.length - 1))];
  const [p05, p95] = [at(0.05), at(0.95)];
  return lengths.length < 20 || p05 === undefined || p95 === undefined ? null : { p05, p95 };
}

/** The last thing said to the model. */
function inputOf(c: Case, release: Release): string {
  try {
    const said = renderRequest(release, c, 0)
      .messages.filter((m) => m.role === 'user')
      .at(-1);
    if (said !== undefined) return said.content;
  } catch {
    // A template that no longer fits its case must not cost the whole report; the variables tell as much.
  }
  const opening = c.turns?.[0];
  if (opening !== undefined) return turnText(opening);
  return c.messages?.at(-1)?.content ?? JSON.stringify(c.vars);
}

async function trialsOf(store: SnapshotStore, snapshot: string, caseId: string): Promise<StoredTrial[]> {
  const trials: StoredTrial[] = [];
  for await (const stored of store.trials(snapshot, caseId)) trials.push(stored);
  return trials;
}

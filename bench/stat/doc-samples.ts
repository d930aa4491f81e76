// The samples in docs/statistics.md, made by really comparing: small worlds, the engine, and the text a terminal shows.
// `node bench/stat/doc-samples.ts` writes them into the page; a test fails when the page says something else.

import { readFileSync, writeFileSync } from 'node:fs';
import {
  CHECK_DESIGNS,
  CONFIRM_TRIALS,
  type CompareOptions,
  compareSnapshots,
  flagCases,
} from '../../src/compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type PolicyFile,
  resolvePolicy,
  type SnapshotResults,
} from '../../src/core/index.ts';
import { looksAfter } from '../../src/engine/comparison/compare-plan.ts';
import { leftOpen, onlyRung } from '../../src/engine/comparison/ladder.ts';
import { comparisonText } from '../../src/report/index.ts';
import { checkTable, detectableTable, levelsTable, policyTable, unchangedTable } from './doc-tables.ts';
import { snapshotOf } from './snapshots.ts';
import { type ArmName, streamOf, type World, worldOf } from './worlds.ts';

export const PAGE = new URL('../../docs/statistics.md', import.meta.url);

const ARMS = ['baseline', 'candidate'] as const;
const TAGS = ['refund', 'tone', 'escalation', 'format'] as const;

/** A support desk: most cases nearly always pass, every fifth is a coin with a bias. */
function steadyRates(cases: number): Float64Array {
  return Float64Array.from({ length: cases }, (_, i) => (i % 5 === 4 ? 0.7 : 0.985));
}

interface Desk {
  readonly cases: number;
  readonly trials: number;
  /** The candidate's true rate of case `i` with its tag. */
  readonly after: (before: number, i: number, tag: string) => number;
  readonly policy?: PolicyFile;
  /**
   * `compare`: both releases side by side, with fresh trials for what looks worse. `diff`: two stored runs. `check`: a stored run,
   * the candidate, and a control of both releases today.
   */
  readonly as: 'compare' | 'diff' | 'check';
  /** In a check, what the baseline's release does today; default: as before. */
  readonly today?: (before: number, i: number, tag: string) => number;
  /** Lengthens the candidate's answers. */
  readonly longer?: number;
  /** Last touch on the finished snapshots. */
  readonly touch?: (arm: 'baseline' | 'candidate', snapshot: SnapshotResults) => SnapshotResults;
}

function tagOf(i: number): string {
  return TAGS[i % TAGS.length] ?? 'refund';
}

/** Names a world's snapshot after the support desk. */
function named(snapshot: SnapshotResults, arm: 'baseline' | 'candidate'): SnapshotResults {
  const { summary, cases } = snapshot;
  const fingerprint = arm === 'baseline' ? '3fa9c1d2e4b5' : '8c02f7a6b931';
  return {
    summary: {
      ...summary,
      id: arm === 'baseline' ? 's4k9m2x7c1qd' : 's7d3w8n5h0zr',
      suite: 'support-triage',
      release: arm === 'baseline' ? 'triage' : 'triage-concise',
      fingerprint,
      layerHashes: { route: 'unchanged', prompt: fingerprint },
      simulated: false,
      servedModels: ['gpt-4o-2024-11-20'],
    },
    cases: cases.map((c, i) => ({
      ...c,
      id: `${tagOf(i)}-${String(i).padStart(2, '0')}`,
      tags: [tagOf(i)],
      trials: c.trials.map((t) => ({ ...t, refusal: false, servedModel: 'gpt-4o-2024-11-20' })),
    })),
  };
}

function arm(world: World, name: 'baseline' | 'candidate', trials: number): SnapshotResults {
  const outcomes = Array.from({ length: world.cases }, (_, i) =>
    Array.from({ length: trials }, () => world.run(name, i)),
  );
  return named(snapshotOf(name, name, world, outcomes), name);
}

/** Compares the desk's two releases the way its command does. */
function compareDesk(name: string, desk: Desk): Comparison {
  const { cases, trials, after, policy, longer, touch, as } = desk;
  const before = steadyRates(cases);
  const rng = streamOf(11, 'docs', name);
  const lengths = { typical: new Float64Array(cases).fill(5.6), candidateFactor: longer ?? 1 };
  const moved = (how: Desk['after'] | undefined): Float64Array =>
    before.map((p, i) => how?.(p, i, tagOf(i)) ?? p);
  const world = worldOf({ before, after: moved(after), lengths }, rng);
  const finish = touch ?? ((_arm, snapshot) => snapshot);
  const a = finish('baseline', arm(world, 'baseline', trials));
  const b = finish('candidate', arm(world, 'candidate', trials));
  const resolved = resolvePolicy(policy);
  if (as === 'diff') return compareSnapshots(a, b, { policy: resolved, interleaved: false });
  if (as === 'check') {
    const now = worldOf({ before: moved(desk.today), after: moved(after), lengths }, rng);
    const rounds = CHECK_DESIGNS.std.control.at(-1) ?? 1;
    const flagged = new Set(flagCases(a, b, { policy: resolved }).flagged);
    const fresh = (name: ArmName): CaseResult[] =>
      arm(now, name, CONFIRM_TRIALS).cases.filter((c) => flagged.has(c.id));
    return compareSnapshots(a, b, {
      policy: resolved,
      interleaved: false,
      confirmation: { baseline: fresh('baseline'), candidate: fresh('candidate') },
      control: {
        baseline: arm(now, 'baseline', rounds).cases,
        candidate: arm(now, 'candidate', rounds).cases,
        impossible: null,
        level: resolved.alphaAggregate,
        most: rounds,
      },
      callsSpent: cases * (trials + 2 * rounds) + 2 * CONFIRM_TRIALS * flagged.size,
    });
  }
  const options: CompareOptions = {
    policy: onlyRung(resolved, 'std', trials, looksAfter(trials)).policy,
    interleaved: true,
  };
  const tried = { baseline: new Map<string, CaseResult>(), candidate: new Map<string, CaseResult>() };
  let calls = 2 * cases * trials;
  const confirmed = (ids: readonly string[]): Comparison => {
    for (const name of ARMS) {
      const fresh = finish(name, arm(world, name, 8)).cases.filter((c) => ids.includes(c.id));
      calls += 8 * fresh.length;
      for (const c of fresh) {
        const all = [...(tried[name].get(c.id)?.trials ?? []), ...c.trials];
        tried[name].set(c.id, { ...c, trials: all, plannedTrials: all.length });
      }
    }
    return compareSnapshots(a, b, {
      ...options,
      confirmation: { baseline: [...tried.baseline.values()], candidate: [...tried.candidate.values()] },
      callsSpent: calls,
    });
  };
  const first = confirmed(flagCases(a, b, options).flagged);
  const open = leftOpen(first);
  return open.length === 0 ? first : confirmed(open);
}

const same = (p: number): number => p;

/** Every second baseline trial unanswered: an outage of the provider. */
function outage(side: 'baseline' | 'candidate', snapshot: SnapshotResults): SnapshotResults {
  if (side === 'baseline') return snapshot;
  return {
    ...snapshot,
    summary: {
      ...snapshot.summary,
      validity: 'degraded',
      validityReasons: ['36 of 180 trials failed (provider, network or time limit)'],
    },
    cases: snapshot.cases.map((c, i) => ({
      ...c,
      trials: c.trials.map((t, k) =>
        (i + k) % 5 === 0
          ? {
              ...t,
              status: 'failed' as const,
              cause: 'infra_error' as const,
              pass: null,
              score: null,
              length: null,
              latencyMs: null,
              refusal: null,
            }
          : t,
      ),
    })),
  };
}

function otherJudge(side: 'baseline' | 'candidate', snapshot: SnapshotResults): SnapshotResults {
  const judge = side === 'baseline' ? 'a1b2c3d4e5f6' : 'f6e5d4c3b2a1';
  return {
    summary: { ...snapshot.summary, judge },
    cases: snapshot.cases.map((c) => ({ ...c, exam: { ...c.exam, judge } })),
  };
}

/** One tag breaks: what a bad prompt edit or a moved provider does. */
const refundsBreak: Desk['after'] = (p, i, tag) => (tag === 'refund' ? (i % 3 === 0 ? 0.05 : 0.8 * p) : p);

/** All of one tag get much worse: what a provider does that moves without a word. */
const refundsFall: Desk['after'] = (p, _i, tag) => (tag === 'refund' ? 0.4 * p : p);

const DESKS: Readonly<Record<string, Desk>> = {
  regressed: { as: 'compare', cases: 60, trials: 3, after: refundsBreak, longer: 1.3 },
  'one-case': { as: 'compare', cases: 60, trials: 3, after: (p, i) => (i === 8 ? 0.03 : p) },
  suspected: { as: 'diff', cases: 60, trials: 5, after: (p, i) => (i === 8 || i === 21 ? 0.03 : p) },
  'world-moved': { as: 'check', cases: 60, trials: 5, after: refundsFall, today: refundsFall },
  improved: { as: 'compare', cases: 100, trials: 5, after: (p) => 1 - 0.2 * (1 - p) },
  unchanged: { as: 'compare', cases: 120, trials: 5, after: same },
  'no-regression-found': { as: 'compare', cases: 48, trials: 5, after: same },
  inconclusive: { as: 'compare', cases: 24, trials: 3, after: same },
  'within-margin': { as: 'compare', cases: 600, trials: 15, after: (p) => p - 0.016 },
  availability: { as: 'compare', cases: 60, trials: 3, after: same, touch: outage },
  invalid: { as: 'compare', cases: 60, trials: 3, after: same, touch: otherJudge },
};

/** Two more for the pictures. */
const PICTURED: Readonly<Record<string, Desk>> = {
  'your change': { as: 'check', cases: 60, trials: 5, after: refundsFall },
  'the world moved': DESKS['world-moved'] as Desk,
  both: {
    as: 'check',
    cases: 60,
    trials: 5,
    after: (p, i, tag) => (tag === 'tone' ? 0.3 * p : refundsFall(p, i, tag)),
    today: refundsFall,
  },
  neither: { as: 'check', cases: 100, trials: 5, after: same },
};

/** How far a sample is shown: up to the line before the first that starts with this. */
const SHOWN_UNTIL: Readonly<Record<string, string>> = {
  'one-case': 'Flips between',
  'world-moved': 'Worse, but',
  'no-regression-found': 'Worse, but',
  suspected: 'Flips between',
  improved: 'Worse, but',
  unchanged: 'Worse, but',
  inconclusive: 'Worse, but',
  'within-margin': 'Worse, but',
  availability: 'Worse, but',
  invalid: 'Flips between',
};

function cut(name: string, text: string): string {
  const until = SHOWN_UNTIL[name];
  const lines = text.trimEnd().split('\n');
  const end = until === undefined ? -1 : lines.findIndex((line) => line.startsWith(until));
  return (end < 0 ? lines : lines.slice(0, end)).join('\n').trimEnd();
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

let made: Readonly<Record<string, string>> | undefined;
let compared: Readonly<Record<string, Comparison>> | undefined;

/** The comparisons behind the samples, by name. Made once. */
export function sampleComparisons(): Readonly<Record<string, Comparison>> {
  compared ??= Object.fromEntries(
    Object.entries(DESKS).map(([name, desk]) => [name, compareDesk(name, desk)]),
  );
  return compared;
}

/** A check for each answer to the question whose doing a difference is. */
export function causeComparisons(): Readonly<Record<string, Comparison>> {
  return Object.fromEntries(
    Object.entries(PICTURED).map(([name, desk]) => [
      name,
      name === 'the world moved'
        ? (sampleComparisons()['world-moved'] as Comparison)
        : compareDesk(name, desk),
    ]),
  );
}

/** Each sample by its name, as it stands in the page. Made once. */
export function samples(): Readonly<Record<string, string>> {
  made ??= makeSamples();
  return made;
}

function makeSamples(): Record<string, string> {
  const rendered = Object.entries(sampleComparisons()).map(
    ([name, comparison]) => [name, fenced(cut(name, comparisonText(comparison, { maxCases: 4 })))] as const,
  );
  return {
    ...Object.fromEntries(rendered),
    'check-tiers': checkTable(),
    levels: levelsTable(),
    detectable: detectableTable(),
    'trials-for-unchanged': unchangedTable(),
    policy: policyTable(),
  };
}

/** The page with every `<!-- sample: NAME -->` … `<!-- end -->` filled in. Throws when a sample has no place or a place no sample. */
export function filled(page: string): string {
  const known = samples();
  const used = new Set<string>();
  const out = page.replace(
    /(<!-- sample: ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_all, open, name, close) => {
      const text = known[name as string];
      if (text === undefined) throw new Error(`the page asks for a sample "${name}" that is not made`);
      used.add(name as string);
      return `${open}${text}\n${close}`;
    },
  );
  const unused = Object.keys(known).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`the page has no place for ${unused.join(', ')}`);
  return out;
}

if (import.meta.main) writeFileSync(PAGE, filled(readFileSync(PAGE, 'utf8')));

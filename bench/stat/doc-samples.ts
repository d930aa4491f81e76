// The samples in docs/statistics.md, made by really comparing: small worlds, the engine, and the text a terminal shows.
// `node bench/stat/doc-samples.ts` writes them into the page; a test fails when the page says something else.

import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { type CompareOptions, compareSnapshots, flagCases } from '../../src/compare/index.ts';
import { type PolicyFile, resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { policySchema } from '../../src/core/policy-schema.ts';
import { comparisonText } from '../../src/report/index.ts';
import { designPower } from '../../src/stats/index.ts';
import { looksAfter } from '../../src/workflow/compare/compare-plan.ts';
import { onlyRung } from '../../src/workflow/compare/ladder.ts';
import { snapshotOf } from './snapshots.ts';
import { streamOf, type World, worldOf } from './worlds.ts';

export const PAGE = new URL('../../docs/statistics.md', import.meta.url);

const TAGS = ['refund', 'tone', 'escalation', 'format'] as const;

/** A support desk: most cases nearly always pass, every fifth is a coin with a bias. */
function steadyRates(cases: number): Float64Array {
  return Float64Array.from({ length: cases }, (_, i) => (i % 5 === 4 ? 0.7 : 0.985));
}

interface Desk {
  readonly name: string;
  readonly cases: number;
  readonly trials: number;
  /** The candidate's true rate of case `i` with its tag. */
  readonly after: (before: number, i: number, tag: string) => number;
  readonly policy?: PolicyFile;
  /** Run fresh trials for what looks worse, as `lastgood compare` does. */
  readonly confirmed?: boolean;
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

/** Compares the desk's two releases and renders what a terminal would show. */
function render({ name, cases, trials, after, policy, confirmed, longer, touch }: Desk): string {
  const before = steadyRates(cases);
  const rng = streamOf(11, 'docs', name);
  const world = worldOf(
    {
      before,
      after: before.map((p, i) => after(p, i, tagOf(i))),
      lengths: { typical: new Float64Array(cases).fill(5.6), candidateFactor: longer ?? 1 },
    },
    rng,
  );
  const finish = touch ?? ((_arm, snapshot) => snapshot);
  const a = finish('baseline', arm(world, 'baseline', trials));
  const b = finish('candidate', arm(world, 'candidate', trials));
  const resolved = resolvePolicy(policy);
  const options: CompareOptions = {
    policy: confirmed === true ? onlyRung(resolved, 'std', trials, looksAfter(trials)).policy : resolved,
    interleaved: confirmed === true,
  };
  const flagged = new Set(confirmed === true ? flagCases(a, b, options).flagged : []);
  const fresh = (name: 'baseline' | 'candidate') =>
    finish(name, arm(world, name, 8)).cases.filter((c) => flagged.has(c.id));
  const comparison = compareSnapshots(a, b, {
    ...options,
    ...(confirmed === true
      ? { confirmation: { baseline: fresh('baseline'), candidate: fresh('candidate') } }
      : {}),
    callsSpent: confirmed === true ? 2 * cases * trials + 16 * flagged.size : 0,
  });
  return comparisonText(comparison, { maxCases: 4 });
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

const DESKS: Readonly<Record<string, Desk>> = {
  regressed: {
    name: 'regressed',
    cases: 60,
    trials: 3,
    after: (p, i, tag) => (tag === 'refund' ? (i % 3 === 0 ? 0.05 : 0.8 * p) : p),
    confirmed: true,
    longer: 1.3,
  },
  'one-case': {
    name: 'one-case',
    cases: 60,
    trials: 3,
    after: (p, i) => (i === 8 ? 0.03 : p),
    confirmed: true,
  },
  suspected: { name: 'suspected', cases: 60, trials: 5, after: (p, i) => (i === 8 || i === 21 ? 0.03 : p) },
  improved: { name: 'improved', cases: 100, trials: 5, after: (p) => 1 - 0.2 * (1 - p) },
  unchanged: { name: 'unchanged', cases: 120, trials: 5, after: same },
  inconclusive: { name: 'inconclusive', cases: 40, trials: 3, after: same },
  'within-margin': {
    name: 'within-margin',
    cases: 600,
    trials: 15,
    after: (p) => p - 0.016,
  },
  availability: { name: 'availability', cases: 60, trials: 3, after: same, touch: outage },
  invalid: { name: 'invalid', cases: 60, trials: 3, after: same, touch: otherJudge },
};

/** How far a sample is shown: up to the line before the first that starts with this. */
const SHOWN_UNTIL: Readonly<Record<string, string>> = {
  'one-case': 'Flips between',
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

const VARIANCES = { mature: 0.089, hard: 0.138, flaky: 0.196 } as const;

/** The smallest uniform change seen 4 times in 5, by cases × trials per arm, in points. */
function detectableTable(): string {
  const rows = [100, 300, 500, 1000, 3000].map((total) => {
    const cells = Object.values(VARIANCES).map((vBar) => {
      const { mde } = designPower({ vBar, kA: 1, kB: 1, n: total, alpha: 0.02, power: 0.8, delta: 0.05 });
      return (100 * mde).toFixed(100 * mde < 6 ? 1 : 0);
    });
    return `| ${total.toLocaleString('en-US')} | ${cells.join(' | ')} |`;
  });
  return [
    '| cases × trials per arm | mature suite | hard suite | flaky suite |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Cases × trials per arm that show "unchanged" 4 times in 5 when nothing changed. */
function unchangedTable(): string {
  const rows = [0.1, 0.05, 0.03, 0.02].map((delta) => {
    const cells = Object.values(VARIANCES).map((vBar) => {
      const { trialsPerArm } = designPower({ vBar, kA: 1, kB: 1, n: 1, alpha: 0.05, power: 0.8, delta });
      return (Math.ceil(trialsPerArm / 10) * 10).toLocaleString('en-US');
    });
    return `| ±${(100 * delta).toFixed(0)} points | ${cells.join(' | ')} |`;
  });
  return ['| margin | mature suite | hard suite | flaky suite |', '|---|---|---|---|', ...rows].join('\n');
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Every key a suite's `policy` may have, from the schema that reads it. */
function policyTable(): string {
  const rows: string[] = [];
  const walk = (schema: JsonSchema, path: string): void => {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const at = path === '' ? key : `${path}.${key}`;
      if (value.description !== undefined)
        rows.push(`| \`${at}\` | ${value.description.replaceAll('|', '\\|')} |`);
      walk(value, at);
      if (typeof value.additionalProperties === 'object') walk(value.additionalProperties, `${at}.NAME`);
    }
  };
  walk(z.toJSONSchema(policySchema) as JsonSchema, '');
  return ['| key | meaning and default |', '|---|---|', ...rows].join('\n');
}

let made: Readonly<Record<string, string>> | undefined;

/** Each sample by its name, as it stands in the page. Made once. */
export function samples(): Readonly<Record<string, string>> {
  made ??= makeSamples();
  return made;
}

function makeSamples(): Record<string, string> {
  const rendered = Object.entries(DESKS).map(
    ([name, desk]) => [name, fenced(cut(name, render(desk)))] as const,
  );
  return {
    ...Object.fromEntries(rendered),
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

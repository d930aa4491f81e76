// The pictures of docs/statistics.md, drawn from worlds and comparisons made here. `node bench/stat/doc-pictures.ts` writes them to docs/pictures.

import { mkdirSync, writeFileSync } from 'node:fs';
import { changeOf } from '../../src/compare/evidence.ts';
import { pairCases } from '../../src/compare/pairing.ts';
import { detectableBy } from '../../src/compare/sensitivity.ts';
import { type Comparison, resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { causeComparisons, sampleComparisons } from './doc-samples.ts';
import { SessionWorld } from './session-worlds.ts';
import { streamOf } from './worlds.ts';

export const PICTURES = new URL('../../docs/pictures/', import.meta.url);

const WIDTH = 720;
const BAD = '#b42318';
const GOOD = '#157f3d';
const PLAIN = '#44546a';
const PALE = '#d0d7de';
const POLICY = resolvePolicy(undefined);

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** White behind, so that it can be read on a dark page too. */
function svg(title: string, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="sans-serif" font-size="13">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

const n = (x: number): string => x.toFixed(1);

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" fill="#1f2328" ${more}>${escaped(words)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, width = 1): string {
  return `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" stroke="${colour}" stroke-width="${width}"/>`;
}

function dot(x: number, y: number, colour: string, r = 4): string {
  return `<circle cx="${n(x)}" cy="${n(y)}" r="${r}" fill="${colour}"/>`;
}

const signed = (x: number): string => (x < 0 ? `−${Math.abs(x).toFixed(1)}` : `+${x.toFixed(1)}`);

function rateOf({ cases }: SnapshotResults): number {
  const rates = cases.map((c) => c.trials.filter((t) => t.pass).length / c.trials.length);
  return rates.reduce((a, b) => a + b, 0) / rates.length;
}

/** Twenty runs of one unchanged release, and the rule "five points worse is a regression". */
function noise(): string {
  const world = new SessionWorld(
    { process: { kind: 'session', sd: 0.3 }, shape: 'typical', cases: 42 },
    streamOf(11, 'pictures', 'noise'),
  );
  const rates = Array.from({ length: 20 }, (_, at) => rateOf(world.run({ at, trials: 3 })));
  const best = Math.max(...rates);
  const low = Math.floor(20 * Math.min(...rates) - 0.6) / 20;
  const y = (rate: number): number => 50 + ((1 - rate) / (1 - low)) * 180;
  const x = (i: number): number => 70 + i * 32;
  const floor = best - 0.05;
  const below = rates.filter((r) => r < floor).length;
  return svg('Twenty runs of a release in which nothing changed', 290, [
    text(20, 24, 'Twenty runs of one release: nothing changed, 42 cases, 3 trials each', 'font-size="15"'),
    ...[low, (1 + low) / 2, 1].flatMap((rate) => [
      line(60, y(rate), 700, y(rate), PALE),
      text(52, y(rate) + 4, `${(100 * rate).toFixed(0)}%`, 'text-anchor="end"'),
    ]),
    line(60, y(floor), 700, y(floor), BAD),
    text(700, y(floor) - 6, '5 points below the best run', `text-anchor="end" font-size="12"`),
    ...rates.map((rate, i) => dot(x(i), y(rate), rate < floor ? BAD : PLAIN)),
    text(70, 258, 'run 1'),
    text(x(19), 258, 'run 20', 'text-anchor="end"'),
    text(20, 280, `"Five points worse is red" stops ${below} of these 20 runs.`),
  ]);
}

const ROWS: readonly (readonly [sample: string, word: string, colour: string])[] = [
  ['regressed', 'regressed', BAD],
  ['improved', 'improved', GOOD],
  ['unchanged', 'unchanged', GOOD],
  ['within-margin', 'unchanged, with a warning', GOOD],
  ['no-regression-found', 'no-regression-found', GOOD],
  ['inconclusive', 'inconclusive', PLAIN],
];

/** The intervals of the samples around a margin of five points. */
function verdicts(): string {
  const comparisons = sampleComparisons();
  const x = (d: number): number => 450 + d * 1100;
  const top = 50;
  const bottom = top + ROWS.length * 34;
  const parts = [
    text(20, 24, 'What the verdicts look like: the change, and where it truly may lie', 'font-size="15"'),
    `<rect x="${n(x(-POLICY.margin))}" y="${top - 12}" width="${n(x(POLICY.margin) - x(-POLICY.margin))}" height="${bottom - top + 4}" fill="#eef1f4"/>`,
    line(x(0), top - 12, x(0), bottom - 8, PALE),
  ];
  for (const [i, [sample, word, colour]] of ROWS.entries()) {
    const { delta, interval } = (comparisons[sample] as Comparison).overall;
    if (delta === null || interval === null) throw new Error(`the sample ${sample} has no interval`);
    const y = top + i * 34 + 8;
    parts.push(
      text(20, y + 4, word),
      line(x(interval[0]), y, x(interval[1]), y, colour, 3),
      dot(x(delta), y, colour, 5),
    );
  }
  for (const d of [-0.2, -0.1, -0.05, 0, 0.05, 0.1])
    parts.push(
      text(x(d), bottom + 12, d === 0 ? '0' : signed(100 * d).replace('.0', ''), 'text-anchor="middle"'),
    );
  parts.push(
    text(x(0), bottom + 32, 'change of the pass rate, points; grey = the margin', 'text-anchor="middle"'),
  );
  return svg('The verdicts as intervals around the margin', bottom + 46, parts);
}

/** Stored runs, the baseline's release today, the candidate today. */
function blame(): string {
  const parts = [
    text(20, 24, 'Who is to blame? The baseline release is run again, today, beside yours', 'font-size="15"'),
    dot(30, 46, PALE, 5),
    text(42, 50, 'stored runs of the baseline'),
    dot(250, 46, PLAIN, 5),
    text(262, 50, 'the same release today'),
    dot(450, 46, BAD, 5),
    text(462, 50, 'your release today'),
  ];
  const x = (rate: number): number => 200 + (rate - 0.6) * 1250;
  for (const [i, [name, { baseline, contrasts, cause }]] of Object.entries(causeComparisons()).entries()) {
    const stored = baseline.passRate;
    if (stored === null || contrasts === undefined || contrasts.change === null || contrasts.world === null)
      throw new Error(`the comparison "${name}" has no control`);
    const now = stored + contrasts.world.delta;
    const yours = now + contrasts.change.delta;
    const y = 84 + i * 40;
    parts.push(
      text(20, y + 4, name),
      line(190, y, 690, y, PALE),
      dot(x(stored), y, PALE, 7),
      dot(x(now), y, PLAIN, 6),
      dot(x(yours), y, cause === 'change' || cause === 'both' ? BAD : GOOD, 5),
    );
  }
  for (const rate of [0.6, 0.7, 0.8, 0.9, 1])
    parts.push(text(x(rate), 250, `${(100 * rate).toFixed(0)}%`, 'text-anchor="middle"'));
  return svg('Stored runs, the same release today, and the candidate, for each cause', 266, parts);
}

/** The cases that look worst in one run, and what fresh trials say of them. */
function picked(): string {
  const rng = streamOf(11, 'pictures', 'picked');
  const world = new SessionWorld({ process: { kind: 'independent' }, shape: 'mature', cases: 100 }, rng);
  const rates = world.rates.map((p, i) => (i === 0 ? 0.03 : p));
  const seen = world.run({ at: 0, trials: 3, rates });
  const fresh = world.run({ at: 1, trials: 8, rates });
  const share = (s: SnapshotResults, i: number): number => rateOf({ ...s, cases: s.cases.slice(i, i + 1) });
  const worst = seen.cases
    .map((_, i) => ({ i, first: share(seen, i), again: share(fresh, i), before: world.rates[i] ?? 0 }))
    .filter((c) => c.before > 0.75)
    .sort((a, b) => a.first - b.first || a.i - b.i)
    .slice(0, 8);
  const x = (rate: number): number => 180 + rate * 480;
  const parts = [
    text(20, 24, 'The cases that looked worst of 100, and eight fresh trials of each', 'font-size="15"'),
    dot(30, 46, PLAIN, 5),
    text(42, 50, 'passes in the run that made it look bad'),
    dot(330, 46, GOOD, 5),
    text(342, 50, 'passes on fresh trials'),
  ];
  for (const [row, { i, first, again }] of worst.entries()) {
    const y = 78 + row * 24;
    const colour = i === 0 ? BAD : GOOD;
    parts.push(
      text(20, y + 4, i === 0 ? 'the broken case' : `case ${i}`),
      line(x(first), y, x(again), y, PALE, 2),
      dot(x(first), y, PLAIN, 5),
      dot(x(again), y, colour, 5),
    );
  }
  const bottom = 78 + worst.length * 24;
  for (const rate of [0, 0.5, 1])
    parts.push(text(x(rate), bottom + 12, `${100 * rate}%`, 'text-anchor="middle"'));
  return svg('Cases that looked worst, and their fresh trials', bottom + 26, parts);
}

/** The smallest drop everywhere that a comparison sees 4 times in 5. */
function size(): string {
  const trials = [1, 2, 3, 4, 5, 6, 8, 10];
  const curves = [42, 100, 300].map((cases) => {
    const world = new SessionWorld(
      { process: { kind: 'independent' }, shape: 'typical', cases },
      streamOf(11, 'pictures', 'size', cases),
    );
    const run = (at: number): SnapshotResults => world.run({ at, trials: 5 });
    const change = changeOf(pairCases(run(0), run(1), POLICY).paired);
    return { cases, drops: trials.map((k) => detectableBy(change, k, POLICY) ?? 1) };
  });
  const x = (k: number): number => 60 + ((k - 1) / 9) * 560;
  const y = (drop: number): number => 240 - Math.min(0.22, drop) * 850;
  const parts = [
    text(20, 24, 'The smallest drop everywhere that is seen 4 times in 5', 'font-size="15"'),
    ...[0.05, 0.1, 0.15, 0.2].flatMap((d) => [
      line(60, y(d), 640, y(d), PALE),
      text(52, y(d) + 4, `${(100 * d).toFixed(0)}`, 'text-anchor="end"'),
    ]),
  ];
  for (const { cases, drops } of curves) {
    const points = trials.flatMap((k, i) =>
      (drops[i] ?? 1) <= 0.22 ? [[x(k), y(drops[i] ?? 1)] as const] : [],
    );
    parts.push(
      `<polyline fill="none" stroke="${PLAIN}" stroke-width="2" points="${points.map(([a, b]) => `${n(a)},${n(b)}`).join(' ')}"/>`,
      ...points.map(([a, b]) => dot(a, b, PLAIN, 3)),
      text(x(10) + 10, y(drops.at(-1) ?? 0) + 4, `${cases} cases`),
    );
  }
  for (const k of trials) parts.push(text(x(k), 258, String(k), 'text-anchor="middle"'));
  parts.push(text(340, 278, 'trials per case in each arm; drop in points', 'text-anchor="middle"'));
  return svg('The smallest drop that is seen, by cases and trials', 290, parts);
}

let drawn: Readonly<Record<string, string>> | undefined;

/** Each picture by its file name. Drawn once. */
export function pictures(): Readonly<Record<string, string>> {
  drawn ??= {
    'noise.svg': noise(),
    'verdicts.svg': verdicts(),
    'blame.svg': blame(),
    'fresh-trials.svg': picked(),
    'smallest-drop.svg': size(),
  };
  return drawn;
}

if (import.meta.main) {
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, picture] of Object.entries(pictures())) writeFileSync(new URL(name, PICTURES), picture);
}

// How far two sides' answers to the same questions lie apart: words, length, form, refusals, tools.

import type { AnswerForm, ShadowDifference, ShadowGroup } from '../core/shadow.ts';
import { quantile7 } from '../stats/quantile.ts';
import { lexicalEmbedding } from './lexical-embedding.ts';

/** One visible answer. */
export interface ShadowAnswer {
  readonly text: string;
  /** Names of the tools it calls, in order. */
  readonly tools: readonly string[];
  readonly refused: boolean;
}

export interface ShadowPair {
  readonly baseline: ShadowAnswer;
  readonly candidate: ShadowAnswer;
  readonly groups: readonly Pick<ShadowGroup, 'by' | 'value'>[];
}

const SMALLEST_GROUP = 5;
const MOST_GROUPS = 30;

/** Cosine distance of the lexical embeddings: 0 = alike, 1 = nothing in common. */
export function lexicalDistance(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [lexicalEmbedding(a), lexicalEmbedding(b)];
  if (x === null || y === null) return x === y ? 0 : 1;
  let [dot, xx, yy] = [0, 0, 0];
  for (let d = 0; d < x.length; d++) {
    const [u, v] = [x[d] as number, y[d] as number];
    dot += u * v;
    xx += u * u;
    yy += v * v;
  }
  return Math.min(1, Math.max(0, 1 - dot / Math.sqrt(xx * yy)));
}

export function answerForm(text: string): AnswerForm {
  const clean = text.trim();
  if (clean === '') return 'empty';
  if (/^[[{]/.test(clean) && isJson(clean)) return 'json';
  if (/^```/m.test(clean)) return 'code';
  if (/^\|.*\|\s*$\n^\|[\s:|-]+\|\s*$/m.test(clean)) return 'table';
  if ((clean.match(/^\s*(?:[-*•]|\d+[.)])\s+\S/gm) ?? []).length >= 2) return 'list';
  return /^#{1,6}\s+\S/m.test(clean) ? 'headings' : 'text';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A pair with its distance, so that each is embedded once. */
interface Measured extends ShadowPair {
  readonly distance: number;
}

/** null without a pair. */
export function shadowDifference(pairs: readonly ShadowPair[]): {
  readonly all: ShadowDifference | null;
  readonly groups: readonly ShadowGroup[];
} {
  const measured = pairs.map((p): Measured => {
    const { baseline, candidate } = p;
    return { ...p, distance: lexicalDistance(baseline.text, candidate.text) };
  });
  const byGroup = new Map<string, { key: Pick<ShadowGroup, 'by' | 'value'>; pairs: Measured[] }>();
  for (const pair of measured)
    for (const key of pair.groups) {
      const name = JSON.stringify([key.by, key.value]);
      const group = byGroup.get(name) ?? { key, pairs: [] };
      group.pairs.push(pair);
      byGroup.set(name, group);
    }
  const groups = [...byGroup.values()]
    .filter((group) => group.pairs.length >= SMALLEST_GROUP)
    .map((group): ShadowGroup => ({ ...group.key, ...differenceOf(group.pairs) }))
    .sort((a, b) => b.distance.mean - a.distance.mean || (a.value < b.value ? -1 : 1));
  return {
    all: measured.length === 0 ? null : differenceOf(measured),
    groups: groups.slice(0, MOST_GROUPS),
  };
}

function differenceOf(pairs: readonly Measured[]): ShadowDifference {
  const distances = pairs.map((p) => p.distance);
  const lengths = (side: 'baseline' | 'candidate'): number[] => pairs.map((p) => [...p[side].text].length);
  const ratios = pairs.map(
    ({ baseline, candidate }) => [...candidate.text].length / [...baseline.text].length,
  );
  const ratio = quantile7(
    ratios.map((r) => (Number.isNaN(r) ? 1 : Math.min(r, 1e6))),
    0.5,
  );
  const moves = new Map<string, { from: AnswerForm; to: AnswerForm; n: number }>();
  for (const { baseline, candidate } of pairs) {
    const [from, to] = [answerForm(baseline.text), answerForm(candidate.text)];
    if (from === to) continue;
    const move = moves.get(`${from} ${to}`) ?? { from, to, n: 0 };
    move.n++;
    moves.set(`${from} ${to}`, move);
  }
  const count = (holds: (pair: Measured) => boolean): number => pairs.filter(holds).length;
  return {
    pairs: pairs.length,
    changed: count((p) => p.baseline.text.trim() !== p.candidate.text.trim()),
    distance: {
      mean: distances.reduce((sum, d) => sum + d, 0) / pairs.length,
      p50: quantile7(distances, 0.5),
      p95: quantile7(distances, 0.95),
    },
    length: {
      baseline: quantile7(lengths('baseline'), 0.5),
      candidate: quantile7(lengths('candidate'), 0.5),
      ratio: ratio >= 1e6 ? null : ratio,
    },
    form: {
      changed: [...moves.values()].reduce((sum, move) => sum + move.n, 0),
      moves: [...moves.values()].sort((a, b) => b.n - a.n),
    },
    refusals: {
      baseline: count((p) => p.baseline.refused),
      candidate: count((p) => p.candidate.refused),
    },
    tools: count((p) => p.baseline.tools.join('\n') !== p.candidate.tools.join('\n')),
  };
}

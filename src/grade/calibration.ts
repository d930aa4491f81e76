// How right the judge is: its verdicts against people's labels. Numbers in, one record out; the record is kept under the judge's fingerprint.

import type { Calibration, Share } from '../core/calibration.ts';
import {
  cohenKappa,
  gwetAC1,
  krippendorffAlpha,
  positionBias,
  roganGladen,
  spearman,
  wilson,
  youdenJ,
} from '../stats/index.ts';
import { MOST_INCONSISTENT } from './consistency.ts';

/** One item that people labelled and the judge was asked about. */
export interface LabelledItem {
  readonly id: string;
  /** A label per person; null where one gave none. */
  readonly human: readonly (string | null)[];
  /** The judge's verdict in the same words; null = its reply could not be read. */
  readonly judge: string | null;
  /** Its verdict with the two texts swapped, already in the words of the first order; undefined where it was not asked. */
  readonly swapped?: string | null | undefined;
  /** Length of the judged text (or first minus second text), in characters. */
  readonly length?: number | undefined;
}

export interface CalibrationOptions {
  /** The label that means "passes"; absent: labels are more than pass and fail. */
  readonly pass?: string | undefined;
  /** The labels in their order, worst first; makes the weighted kappa meaningful. */
  readonly order?: readonly string[] | undefined;
  /** Verdicts to correct: how many the judge gave on other outputs, and how many of them passed. */
  readonly observed?: { readonly passed: number; readonly verdicts: number } | undefined;
}

/** Of labelled items; below, intervals are too wide to decide anything. */
const FEWEST_ITEMS = 50;
const FEWEST_PER_CLASS = 20;
/** Lower end of J from which a judge may decide a gate. */
const LEAST_YOUDEN = 0.5;
const UNPARSABLE = '(unparsable)';

/** The label more than half of the people gave; null when there is none. */
export function majorityLabel(human: readonly (string | null)[]): string | null {
  const given = human.filter((h) => h !== null);
  const found = given.find((label) => given.filter((g) => g === label).length * 2 > given.length);
  return found ?? null;
}

/** Compares the judge with the majority of people. RangeError when no item has a majority. */
export function calibrate(items: readonly LabelledItem[], options: CalibrationOptions = {}): Calibration {
  const withTruth = items.flatMap((item) => {
    const truth = majorityLabel(item.human);
    return truth === null ? [] : [{ ...item, truth }];
  });
  if (withTruth.length === 0) throw new RangeError('calibration needs at least one labelled item');
  const truths = withTruth.map((i) => i.truth);
  const said = withTruth.map((i) => i.judge ?? UNPARSABLE);
  const present = [...new Set([...truths, ...said])].filter((l) => l !== UNPARSABLE);
  const labels =
    options.order === undefined
      ? present.sort()
      : [...options.order, ...present.filter((l) => !options.order?.includes(l)).sort()];
  const columns = [...labels, UNPARSABLE];
  const unparsable = said.filter((s) => s === UNPARSABLE).length;
  const classes = unparsable > 0 ? columns : labels;
  const { kappa } = cohenKappa(truths, said, classes);
  // Counted, not summed up from shares: all of them right is exactly 1.
  const agreement = truths.filter((truth, i) => truth === said[i]).length / truths.length;

  const binary = binaryOf(withTruth, options);
  const raters = items.reduce((most, i) => Math.max(most, i.human.length), Number.NEGATIVE_INFINITY);
  return {
    items: withTruth.length,
    noMajority: items.length - withTruth.length,
    unparsable,
    raters,
    labels,
    confusion: labels.map((row) =>
      columns.map((column) => withTruth.filter((_, i) => truths[i] === row && said[i] === column).length),
    ),
    agreement,
    kappa,
    weightedKappa: options.order === undefined ? null : weighted(withTruth, labels),
    ac1: gwetAC1(truths, said, classes),
    humanAlpha: raters < 2 ? null : alphaOf(items, labels, options.order !== undefined),
    humanPairs: pairsOf(items, raters),
    ...binary,
    length: lengthOf(withTruth, options.pass),
    position: positionOf(items),
    notes: notesOf(withTruth.length, binary, unparsable),
  };
}

type WithTruth = LabelledItem & { readonly truth: string };

type Binary = Pick<
  Calibration,
  'sensitivity' | 'specificity' | 'youden' | 'mayGate' | 'whyNot' | 'corrected'
>;

function binaryOf(items: readonly WithTruth[], { pass, observed }: CalibrationOptions): Binary {
  const none = { sensitivity: null, specificity: null, youden: null, mayGate: false, corrected: null };
  if (pass === undefined) return { ...none, whyNot: 'which labels mean pass is not known (--pass LABEL)' };
  const readable = items.filter((i) => i.judge !== null);
  const positive = readable.filter((i) => i.truth === pass);
  const negative = readable.filter((i) => i.truth !== pass);
  const truePositive = positive.filter((i) => i.judge === pass).length;
  const trueNegative = negative.filter((i) => i.judge !== pass).length;
  const sensitivity = share(truePositive, positive.length);
  const specificity = share(trueNegative, negative.length);
  const youden = youdenJ({
    truePositive,
    positives: positive.length,
    trueNegative,
    negatives: negative.length,
  });
  if (youden === null || sensitivity === null || specificity === null) {
    const missing = positive.length === 0 ? 'passes' : 'fails';
    return {
      ...none,
      sensitivity,
      specificity,
      whyNot: `no labelled item ${missing}, so half of its errors are unknown`,
    };
  }
  const mayGate = youden.lower >= LEAST_YOUDEN;
  const rate =
    observed === undefined || observed.verdicts === 0
      ? null
      : roganGladen({
          p: observed.passed / observed.verdicts,
          q0: specificity.value,
          q1: sensitivity.value,
          n: observed.verdicts,
          m0: negative.length,
          m1: positive.length,
        });
  return {
    sensitivity,
    specificity,
    youden,
    mayGate,
    whyNot: mayGate
      ? null
      : `the lower end of J is ${youden.lower.toFixed(2)}, below the ${LEAST_YOUDEN.toFixed(2)} from which a judge may decide`,
    corrected:
      rate === null || observed === undefined
        ? null
        : {
            observed: observed.passed / observed.verdicts,
            value: rate.theta,
            lower: rate.lower,
            upper: rate.upper,
          },
  };
}

function share(x: number, n: number): Share | null {
  const interval = wilson(x, n);
  return interval === null ? null : { value: x / n, lower: interval.lower, upper: interval.upper, n };
}

function weighted(items: readonly WithTruth[], labels: readonly string[]): number | null {
  const readable = items.filter((i) => i.judge !== null);
  if (readable.length === 0) return null;
  return cohenKappa(
    readable.map((i) => i.truth),
    readable.map((i) => i.judge as string),
    labels,
    'quadratic',
  ).kappa;
}

function alphaOf(items: readonly LabelledItem[], labels: readonly string[], ordinal: boolean): number | null {
  const all = [...new Set([...labels, ...items.flatMap((i) => i.human.filter((h) => h !== null))])];
  const units = items.map((i) => i.human.map((h) => (h === null ? null : all.indexOf(h))));
  return krippendorffAlpha(units, ordinal ? 'ordinal' : 'nominal');
}

function pairsOf(items: readonly LabelledItem[], raters: number): Calibration['humanPairs'] {
  const pairs: Calibration['humanPairs'][number][] = [];
  for (let a = 0; a < raters; a++) {
    for (let b = a + 1; b < raters; b++) {
      const both = items.flatMap(({ human }) => {
        const [x, y] = [human[a] ?? null, human[b] ?? null];
        return x === null || y === null ? [] : [[x, y] as const];
      });
      if (both.length === 0) continue;
      const categories = [...new Set(both.flat())];
      const { agreement, kappa } = cohenKappa(
        both.map(([x]) => x),
        both.map(([, y]) => y),
        categories,
      );
      pairs.push({ raters: [a + 1, b + 1], agreement, kappa });
    }
  }
  return pairs;
}

function lengthOf(items: readonly WithTruth[], pass: string | undefined): Calibration['length'] {
  const measured = items.filter((i) => i.length !== undefined && i.judge !== null);
  if (pass === undefined || measured.length < 2) return null;
  const lengths = measured.map((i) => i.length as number);
  return {
    judge: spearman(
      lengths,
      measured.map((i) => Number(i.judge === pass)),
    ),
    human: spearman(
      lengths,
      measured.map((i) => Number(i.truth === pass)),
    ),
    n: measured.length,
  };
}

function positionOf(items: readonly LabelledItem[]): Calibration['position'] {
  const asked = items.filter((i) => i.judge !== null && i.swapped !== undefined && i.swapped !== null);
  if (asked.length === 0) return null;
  const turned = asked.filter((i) => i.judge !== i.swapped);
  // Both verdicts are in the words of the first order: the text that stood first won both times when these words differ this way round.
  const decided = turned.filter((i) => isSide(i.judge) && isSide(i.swapped ?? null));
  const firstWins = decided.filter((i) => i.judge === 'first').length;
  return {
    pairs: asked.length,
    inconsistent: turned.length,
    firstWins,
    p: positionBias(firstWins, decided.length),
    invalid: turned.length > MOST_INCONSISTENT * asked.length,
  };
}

function isSide(label: string | null): boolean {
  return label === 'first' || label === 'second';
}

function notesOf(items: number, binary: Binary, unparsable: number): string[] {
  const notes: string[] = [];
  if (items < FEWEST_ITEMS)
    notes.push(`only ${items} labelled items; below ${FEWEST_ITEMS} the numbers are a hint`);
  for (const [word, found] of [
    ['pass', binary.sensitivity],
    ['fail', binary.specificity],
  ] as const) {
    if (found !== null && found.n < FEWEST_PER_CLASS)
      notes.push(
        `only ${found.n} items that ${word}; ${FEWEST_PER_CLASS} of each kind are the least to rely on`,
      );
  }
  if (unparsable > 0) notes.push(`${unparsable} of ${items} replies could not be read`);
  return notes;
}

// Labels that people gave, from a JSONL, CSV, JSON or YAML file, as items a judge can be held against.

import { didYouMean } from '../../base/errors.ts';
import { codePointLength, type ErrorWhere, type JsonValue, jsonAt, LastgoodError } from '../../base/index.ts';
import { isJsonObject } from '../../base/json.ts';
import type { LabelledItem } from '../../grade/index.ts';
import { readRows } from '../../suite/case-rows.ts';
import { collectProblems } from '../../suite/problems.ts';

/** Where the columns are; a dotted path reaches into nested rows. */
export interface LabelColumns {
  /** One per person. Default: `human`, or `human1`, `human2`, … */
  readonly human?: readonly string[] | undefined;
  /** The judge's recorded verdict. Default `judge`. */
  readonly verdict?: string | undefined;
  /** Its verdict with the two texts swapped, in the words of the swapped order. Default `judge_swapped`. */
  readonly swapped?: string | undefined;
  /** The judged text or its length. Default `output` or `length`. */
  readonly length?: string | undefined;
  /** Verdicts that are none. An empty one never is. */
  readonly unparsable?: readonly string[] | undefined;
  /** Other words for a label, e.g. Tie → 0. */
  readonly alias?: Readonly<Record<string, string>> | undefined;
}

/** A row of the file before it is known what the judge said. */
export interface LabelRow {
  readonly where: ErrorWhere;
  readonly item: LabelledItem;
  /** The stored trial it belongs to, where the row names one. */
  readonly caseId: string | null;
  readonly trial: number;
  readonly hasVerdict: boolean;
}

const SWAPPED: Readonly<Record<string, string>> = { first: 'second', second: 'first' };

/** Reads the file. Throws LastgoodError(s) that name line and column. */
export function readLabels(file: string, columns: LabelColumns = {}): LabelRow[] {
  const problems = collectProblems();
  const rows = [...readRows(file, true, problems)];
  problems.throwIfAny();
  const first = rows[0];
  if (first === undefined) {
    throw new LastgoodError({ code: 'LABELS_EMPTY', message: 'the file holds no labels', where: { file } });
  }
  const known = [...new Set(rows.flatMap((r) => (isJsonObject(r.value) ? Object.keys(r.value) : [])))];
  const human = columns.human ?? defaultHuman(known);
  const verdict = columns.verdict ?? 'judge';
  const swapped = columns.swapped ?? 'judge_swapped';
  for (const column of [
    ...human,
    ...[columns.verdict, columns.swapped, columns.length].filter((c) => c !== undefined),
  ]) {
    if (rows.some((r) => jsonAt(r.value, column) !== undefined)) continue;
    const near = didYouMean(column, known);
    throw new LastgoodError({
      code: 'LABELS_NO_COLUMN',
      message: `no row has ${JSON.stringify(column)}`,
      where: { file },
      hint: near === undefined ? `columns: ${known.join(', ')}` : `did you mean ${JSON.stringify(near)}?`,
    });
  }
  const word = (value: JsonValue | undefined): string | null => {
    const text = value === undefined || value === null ? '' : String(value).trim();
    return text === '' ? null : (columns.alias?.[text] ?? text);
  };
  const read = (value: JsonValue | undefined): string | null => {
    const label = word(value);
    return label === null || columns.unparsable?.includes(label) === true ? null : label;
  };
  return rows.map(({ document, line, value }, i): LabelRow => {
    const where = { file: document.file, line };
    const given = human.map((column) => word(jsonAt(value, column)));
    if (given.every((g) => g === null)) {
      throw new LastgoodError({
        code: 'LABELS_NO_LABEL',
        message: `the row has no label in ${human.join(', ')}`,
        where,
        hint: 'leave unlabelled rows out',
      });
    }
    const caseId = word(jsonAt(value, 'case'));
    const trial = Number(jsonAt(value, 'trial') ?? 0);
    const turned = read(jsonAt(value, swapped));
    const length = lengthOf(jsonAt(value, columns.length ?? 'length') ?? jsonAt(value, 'output'));
    return {
      where,
      caseId,
      trial: Number.isInteger(trial) ? trial : -1,
      hasVerdict: jsonAt(value, verdict) !== undefined,
      item: {
        id: word(jsonAt(value, 'id')) ?? String(i + 1),
        human: given,
        judge: read(jsonAt(value, verdict)),
        ...(turned === null ? {} : { swapped: SWAPPED[turned] ?? turned }),
        ...(length === null ? {} : { length }),
      },
    };
  });
}

function defaultHuman(known: readonly string[]): readonly string[] {
  const numbered = known.filter((k) => /^human[ _-]?\d+$/.test(k));
  return numbered.length > 0 ? numbered : ['human'];
}

function lengthOf(value: JsonValue | undefined): number | null {
  if (value === undefined || value === null || value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : codePointLength(String(value));
}

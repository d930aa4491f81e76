// The published agreement of two recorded judges with three people (PandaLM, Wang et al. 2023, arXiv:2306.05087).

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { calibrate, type LabelledItem } from '../../src/grade/index.ts';

const DATA = resolve(import.meta.dirname, '../../../shared/data/pandalm');
const here = existsSync(DATA);
if (!here) console.log(`skipped: the PandaLM test set is not at ${DATA}`);

type Row = Record<string, string | number>;
const rowsOf = (file: string): Row[] => JSON.parse(readFileSync(resolve(DATA, file), 'utf8')) as Row[];

function itemsOf(file: string, column: string): LabelledItem[] {
  const verdicts = new Map(rowsOf(file).map((row) => [row['idx'], String(row[column])]));
  return rowsOf('testset-v1.json').map((row) => {
    const said = verdicts.get(row['idx'] ?? '') ?? 'garbage';
    const words: Record<string, string> = { Tie: '0' };
    return {
      id: String(row['idx']),
      human: [1, 2, 3].map((n) => String(row[`annotator${n}`])),
      judge: said === 'garbage' ? null : (words[said] ?? said),
    };
  });
}

describe.skipIf(!here)('calibrating the judges of PandaLM against the majority of three people', () => {
  it.each([
    ['gpt-3.5-turbo', 'gpt-3.5-turbo-testset-v1.json', 'gpt_result', 0.698, 0.476, 25],
    ['PandaLM-7B', 'pandalm-7b-testset-v1.json', 'pandalm_result', 0.668, 0.435, 0],
  ])('%s', (_name, file, column, agreement, kappa, unparsable) => {
    const found = calibrate(itemsOf(file, column));
    expect(found).toMatchObject({
      items: 999,
      noMajority: 0,
      unparsable,
      raters: 3,
      labels: ['0', '1', '2'],
    });
    expect(found.agreement).toBeCloseTo(agreement, 3);
    expect(found.kappa).toBeCloseTo(kappa, 3);
    expect(found.humanPairs.map((p) => Number(p.kappa.toFixed(3)))).toEqual([0.852, 0.879, 0.862]);
    expect(found.confusion.flat().reduce((a, b) => a + b, 0)).toBe(999);
    expect(found.confusion.map((row) => row[3]).reduce((a = 0, b = 0) => a + b, 0)).toBe(unparsable);
    expect(found.mayGate).toBe(false);
  });
});

// Large suites are set aside in a file; what comes back is what went in, and the suite is the same suite.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CASE_PAGE, examFingerprint, PagedCases } from '../../src/core/index.ts';
import { CaseSpill } from '../../src/suite/case-spill.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { suiteHash } from '../../src/suite/suite-hash.ts';
import { textLines } from '../../src/suite/text-lines.ts';
import { refundCase } from '../ledger/world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lastgood-spill-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const examiner = { judge: null, embedder: null };

describe('the cases of a large suite', () => {
  it('come back from the file exactly as they were, common graders as one list', () => {
    const common = refundCase('any').graders;
    const cases = Array.from({ length: CASE_PAGE * 2 + 3 }, (_, n) =>
      refundCase(`kettle-${n}`, {
        graders: n % 5 === 0 ? refundCase('own').graders : common,
        expected: n % 2 === 0 ? undefined : { amount: n, note: '“ü” \u2028' },
        where: { file: 'cases.jsonl', line: n + 1 },
      }),
    );
    const spill = new CaseSpill({ mostCharacters: 0 });
    for (const c of cases) spill.add(c, 1);
    const list = spill.list();
    expect(list).toBeInstanceOf(PagedCases);
    expect([...list]).toEqual(cases);
    expect('expected' in (list.at(0) ?? {})).toBe(true);
    expect(list.at(7)?.graders).toBe(list.at(-2)?.graders);
    expect(suiteHash({ name: 'kettles', policy: {}, cases: list })).toBe(
      suiteHash({ name: 'kettles', policy: {}, cases }),
    );
    expect(examFingerprint({ cases: list }, examiner)).toBe(examFingerprint({ cases }, examiner));
  });

  it('leave no file behind, not even while they are read', () => {
    vi.stubEnv('TMPDIR', folder);
    const spill = new CaseSpill({ mostCharacters: 0 });
    for (let n = 0; n < CASE_PAGE * 2; n++) spill.add(refundCase(`kettle-${n}`), 1);
    expect(spill.list().at(CASE_PAGE + 3)?.id).toBe(`kettle-${CASE_PAGE + 3}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that cannot be set aside are told so, with what to do', () => {
    vi.stubEnv('TMPDIR', join(folder, 'nowhere'));
    const spill = new CaseSpill({ mostCharacters: 0 });
    expect(() => spill.add(refundCase('kettle-1'), 1)).toThrow(
      expect.objectContaining({ code: 'SUITE_TEMP_FILE', hint: expect.stringContaining('TMPDIR') }),
    );
  });

  it('make the same suite as in memory, and its mistakes are found in the right place', async () => {
    const row = (n: number): string =>
      JSON.stringify({ id: `kettle-${n}`, vars: { ticket: `${n} ${'x'.repeat(40_000)}` } });
    const rows = Array.from({ length: 450 }, (_, n) => row(n));
    const write = (lines: readonly string[]): string => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'cases.jsonl'), `${lines.join('\r\n')}\r\n`);
      const file = join(folder, 'suite.yaml');
      writeFileSync(file, 'name: kettles\ncases: [cases.jsonl]\ndefaults: { grade: [{ contains: x }] }\n');
      return file;
    };
    const suite = await loadSuite(write(rows));
    expect(suite.cases).toBeInstanceOf(PagedCases);
    expect(suite.cases.length).toBe(450);
    expect(suite.cases.at(449)).toMatchObject({ id: 'kettle-449', where: { line: 450 } });
    expect(suite.hash).toBe(suiteHash({ ...suite, cases: [...suite.cases] }));
    // The order of cases does not count.
    expect((await loadSuite(write(rows.toReversed()))).hash).toBe(suite.hash);

    const wrong = [...rows];
    wrong[440] = row(2);
    wrong[445] = '{"id": "kettle-445",';
    await expect(loadSuite(write(wrong))).rejects.toMatchObject({
      errors: [
        {
          code: 'SUITE_DUPLICATE_ID',
          where: { line: 441 },
          message: expect.stringMatching(/cases\.jsonl:3\b/),
        },
        { code: 'SUITE_BAD_JSONL', where: { line: 446 } },
      ],
    });
  });
});

describe('the lines of a text file', () => {
  const lines = (bytes: Buffer | string): string[] => {
    const file = join(folder, 'lines.txt');
    writeFileSync(file, bytes);
    const read = [...textLines(file)];
    expect(read.map((l) => l.line)).toEqual(read.map((_, n) => n + 1));
    return read.map((l) => l.source);
  };

  it('end with LF, CRLF or CR, wherever the pieces are cut', () => {
    expect(lines('\uFEFFa\r\nb\rc\nd')).toEqual(['a', 'b', 'c', 'd']);
    expect(lines('')).toEqual(['']);
    // Pieces end between CR and LF, then inside a character, then inside a long line.
    const mebibyte = 1024 * 1024; // a whole number of pieces
    expect(lines(`${'a'.repeat(mebibyte - 1)}\r\nb`)).toEqual(['a'.repeat(mebibyte - 1), 'b']);
    expect(lines(`${'a'.repeat(mebibyte - 1)}ü\nb`)).toEqual([`${'a'.repeat(mebibyte - 1)}ü`, 'b']);
    expect(lines(`${'a'.repeat(3 * mebibyte)}\r`)).toEqual(['a'.repeat(3 * mebibyte), '']);
  });

  it('must be UTF-8 to the end', () => {
    expect(() => lines(Buffer.from([0x61, 0x0a, 0xc3]))).toThrow(TypeError);
    expect(() => lines(Buffer.from([0x61, 0xff, 0x0a]))).toThrow(TypeError);
  });
});

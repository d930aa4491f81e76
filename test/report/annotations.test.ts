// What a CI system reads line by line: annotations, outputs, guarded logs, code quality, JSON.

import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import type { CheckResult } from '../../src/core/index.ts';
import {
  checkJson,
  checkText,
  githubAnnotations,
  githubGuarded,
  githubOutputs,
  gitlabQuality,
  jsonDocument,
  logText,
  MOST_ANNOTATIONS,
} from '../../src/report/index.ts';
import { reportJsonSchemas } from '../../src/report/json/published-schemas.ts';
import { ATTACKS, hostileCheck, hostileUncompared } from './hostile-check.ts';

const WORLDS: readonly CheckResult[] = [hostileCheck(1), hostileCheck(4), hostileUncompared()];
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test('annotations are at most ten whole lines of our own commands, decoded by the runner to what was meant', () => {
  for (const world of WORLDS) {
    const lines = githubAnnotations(world).trimEnd().split('\n');
    expect(lines).toHaveLength(MOST_ANNOTATIONS);
    for (const line of lines) {
      const match = /^::(error|warning|notice) ((?:[a-z]+=[^,:]*,?)+)::(.*)$/.exec(line);
      expect(match, line).not.toBeNull();
      const names = (match?.[2] ?? '').split(',').map((p) => p.split('=')[0]);
      expect(['file,line,title', 'title']).toContain(names.join(','));
      expect(line).not.toMatch(CONTROL);
      expect(line.length).toBeLessThan(4000);
    }
    expect(lines.at(-1)).toMatch(/^::notice title=lastgood::\d+ more findings/);
  }
});

test('percent signs are encoded, so that an encoded line break in an output stays what it is', () => {
  const [suite] = hostileCheck(1).suites;
  if (suite === undefined) throw new Error('no suite');
  const world: CheckResult = {
    ...hostileCheck(1),
    suites: [
      {
        ...suite,
        comparison: null,
        reason: 'a%0A::error::b, c: d',
        places: {},
        place: { file: 'a,b:c%2C.yaml', line: 2 },
      },
    ],
  };
  expect(githubAnnotations(world)).toMatch(
    /^::error file=a%2Cb%3Ac%252C\.yaml,line=2,title=[^:]*::a%250A::error::b, c: d\n$/,
  );
});

test('outputs are words of our own', () => {
  for (const world of WORLDS)
    expect(githubOutputs(world)).toMatch(/^verdict=[a-z-]+\ngate=[a-z]+\nexit-code=\d+\n$/);
});

test('no line of the log text is a command, guarded or not', () => {
  for (const world of WORLDS) {
    const text = checkText(world);
    expect(text).not.toMatch(/^\s*::/m);
    expect(text).not.toMatch(/##\[|##vso\[|section_(start|end):/);
    expect(text).not.toMatch(CONTROL);
    expect(text.isWellFormed()).toBe(true);
  }
  const guarded = githubGuarded('::error::x\n', 'cafe').split('\n');
  expect(guarded).toEqual(['::stop-commands::cafe', '::error::x', '::cafe::', '']);
});

test('log text stays readable where it is harmless', () => {
  const plain = 'a :: b\n  rule: verdict\n# heading\n## [x]\n';
  expect(logText(plain)).toBe(plain);
  expect(logText('::debug::x')).toBe(':\u2060:debug::x');
});

test('JSON says exactly what was there, in characters that act on nothing', () => {
  for (const world of WORLDS) {
    const text = checkJson(world);
    expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    expect(text).not.toMatch(/##\[|##vso\[/);
    expect(text).not.toMatch(/^\s*::/m);
    expect(JSON.parse(text)).toMatchObject(JSON.parse(JSON.stringify(world)));
  }
  for (const attack of ATTACKS) expect(JSON.parse(jsonDocument(attack))).toBe(attack);
});

test('code quality is a list of entries with one stable fingerprint each', () => {
  for (const world of WORLDS) {
    const entries = JSON.parse(gitlabQuality(world)) as Record<string, unknown>[];
    expect(entries.length).toBeGreaterThan(0);
    for (const e of entries) {
      expect(Object.keys(e).sort()).toEqual([
        'check_name',
        'description',
        'fingerprint',
        'location',
        'severity',
      ]);
      expect(e['fingerprint']).toMatch(/^[0-9a-f]{64}$/);
      expect(['info', 'minor', 'major', 'critical', 'blocker']).toContain(e['severity']);
      expect(String(e['description'])).not.toMatch(CONTROL);
    }
    expect(new Set(entries.map((e) => e['fingerprint'])).size).toBe(entries.length);
    expect(gitlabQuality(world)).toBe(gitlabQuality(world));
  }
});

test('the JSON of a check, and the comparison in it, fit their published schemas', () => {
  const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }));
  const schemas = reportJsonSchemas();
  const check = ajv.compile(schemas.get('check.schema.json') ?? false);
  const comparison = ajv.compile(schemas.get('comparison.schema.json') ?? false);
  for (const world of WORLDS) {
    // Fingerprints of the test world are no hashes.
    const value = JSON.parse(
      checkJson(world).replaceAll('"fingerprint": "f1"', `"fingerprint": "${'f1'.repeat(32)}"`),
    );
    check(value);
    expect(check.errors).toBeNull();
    for (const s of value.suites) {
      if (s.comparison === null) continue;
      comparison(s.comparison);
      expect(comparison.errors).toBeNull();
    }
    expect(check({ ...value, exitCode: 2 })).toBe(false);
    expect(check({ ...value, gate: undefined })).toBe(false);
  }
});

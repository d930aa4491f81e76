import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { schemaTexts, staleSchemas } from '../../src/cli/generate-schemas.ts';
import { GRADER_TYPES } from '../../src/core/grader-catalogue.ts';
import { caseJsonSchema, suiteFileJsonSchema } from '../../src/suite/index.ts';
import { folder, REFUND_BOT } from './world.ts';

const ajv = new Ajv({ strict: false, allErrors: true });
const suiteSchema = ajv.compile(suiteFileJsonSchema());
const caseSchema = ajv.compile(caseJsonSchema());
const root = join(import.meta.dirname, '../..');

test('the schemas in the repository are those the program generates', () => {
  expect(staleSchemas()).toEqual([]);
  expect([...schemaTexts().keys()]).toEqual([
    'case.schema.json',
    'observation.schema.json',
    'outcome.schema.json',
    'release.schema.json',
    'suite.schema.json',
    'ticket.schema.json',
    'comparison.schema.json',
    'check.schema.json',
    'monitor.schema.json',
    'signals.schema.json',
    'timeline.schema.json',
    'decisions.schema.json',
    'residue.schema.json',
    'shadow.schema.json',
    'doctor.schema.json',
    'registry.schema.json',
    'rollout.schema.json',
    'snapshots.schema.json',
    'snapshot.schema.json',
    'overview.schema.json',
    'feature.schema.json',
    'rollouts.schema.json',
    'flags.schema.json',
    'guard.schema.json',
    'session.schema.json',
    'page-action.schema.json',
    'api-error.schema.json',
  ]);
});

test('a schema that is missing or out of date is named', async () => {
  const files = Object.fromEntries(schemaTexts());
  const dir = await folder({
    'case.schema.json': files['case.schema.json'] ?? '',
    'suite.schema.json': '{}\n',
  });
  expect(staleSchemas(new URL(`file://${dir}/`))).toEqual([
    'observation.schema.json',
    'outcome.schema.json',
    'release.schema.json',
    'suite.schema.json',
    'ticket.schema.json',
    'comparison.schema.json',
    'check.schema.json',
    'monitor.schema.json',
    'signals.schema.json',
    'timeline.schema.json',
    'decisions.schema.json',
    'residue.schema.json',
    'shadow.schema.json',
    'doctor.schema.json',
    'registry.schema.json',
    'rollout.schema.json',
    'snapshots.schema.json',
    'snapshot.schema.json',
    'overview.schema.json',
    'feature.schema.json',
    'rollouts.schema.json',
    'flags.schema.json',
    'guard.schema.json',
    'session.schema.json',
    'page-action.schema.json',
    'api-error.schema.json',
  ]);
});

test('the script checks without writing and exits 0 when all is fresh', () => {
  expect(
    execFileSync(process.execPath, ['src/cli/generate-schemas.ts', '--check'], {
      cwd: root,
      encoding: 'utf8',
    }),
  ).toBe('');
});

test('what the loader accepts, the schema accepts', () => {
  expect(
    suiteSchema(parse(readFileSync(join(REFUND_BOT, 'suite.yaml'), 'utf8'))),
    ajv.errorsText(suiteSchema.errors),
  ).toBe(true);
  for (const file of ['incidents/inc-42.yaml', 'incidents/inc-43.yaml']) {
    expect(caseSchema(parse(readFileSync(join(REFUND_BOT, file), 'utf8'))), file).toBe(true);
  }
  for (const line of readFileSync(join(REFUND_BOT, 'cases.jsonl'), 'utf8').split('\n').filter(Boolean)) {
    expect(caseSchema(JSON.parse(line)), line).toBe(true);
  }
});

test.each([
  'json',
  { 'not-contains': 'x' },
  { contains: { value: 'x', 'ignore-case': true, weight: 2 } },
  { equals: null },
  { 'json-schema': { type: 'object' } },
  {
    rubric: [
      { id: 'a', ask: 'q?' },
      { id: 'b', check: { 'max-length': 9 } },
    ],
  },
  { extract: { pattern: '(yes|no)', pick: 'last', value: 'yes' } },
])('the schema knows the grader %j', (grader) => {
  expect(caseSchema({ id: 'a', grade: [grader] }), ajv.errorsText(caseSchema.errors)).toBe(true);
});

test.each([
  [{ id: 'a', grdae: [] }],
  [{ id: 'a', grade: ['max-length'] }],
  [{ id: 'a', grade: [{ contians: 'x' }] }],
  [{ id: 'a', grade: [{ 'not-max-length': 3 }] }],
  [{ id: 'a', grade: [{ 'max-length': 'long' }] }],
  [{ id: 'a', grade: [{ contains: 'x', weight: 2 }] }],
  [{ id: 'a', grade: [{ contains: { value: 'x', wieght: 2 } }] }],
  [{ id: 'a', grade: [{ rubric: [{ id: 'a' }] }] }],
  [{ grade: ['json'] }],
])('the schema refuses %j', (value) => {
  expect(caseSchema(value)).toBe(false);
});

test('every grader has a description to hover over, its shorthand and its options', () => {
  const definitions = suiteFileJsonSchema()['definitions'] as Record<
    string,
    { description: string; anyOf: unknown[] }
  >;
  for (const type of GRADER_TYPES) {
    expect(definitions[`grader-${type}`]?.description).not.toBe('');
    expect(definitions[`grader-${type}`]?.anyOf.length).toBeGreaterThanOrEqual(2);
  }
});

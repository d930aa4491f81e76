import { expect, test } from 'vitest';
import { z } from 'zod';
import { readDocument } from '../../src/base/document.ts';
import { checkShape } from '../../src/base/document-check.ts';
import { formatError } from '../../src/base/errors.ts';

const text = z.union([z.string(), z.strictObject({ file: z.string() })]);
const schema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string(),
  trials: z.number().int().min(1).optional(),
  mode: z.enum(['auto', 'draft', 'review']).optional(),
  system: text.optional(),
  tags: z.array(z.string().min(1)).min(1).optional(),
  floors: z.record(z.string(), z.strictObject({ 'min-pass-rate': z.number().max(1) })).optional(),
  route: z
    .discriminatedUnion('provider', [
      z.strictObject({ provider: z.literal('openai'), model: z.string() }),
      z.strictObject({ provider: z.literal('replay'), file: z.string() }),
    ])
    .optional(),
});

function complaints(yaml: string): string[] {
  const document = readDocument(yaml, 'x.yaml', 'RELEASE');
  const checked = checkShape(schema, document.value, { document, family: 'RELEASE' });
  return checked.ok ? [] : checked.errors.map(formatError);
}

test('what fits is returned as the schema has it', () => {
  expect(complaints('name: a\nroute: { provider: openai, model: gpt }\nsystem: { file: a.md }\n')).toEqual(
    [],
  );
});

test.each([
  [
    'name: a\ntrails: 3\n',
    'x.yaml:2:1: key "trails": unknown key "trails", expected name, trials, mode, system, tags, floors or route [RELEASE_UNKNOWN_KEY]\n  try: did you mean "trials"?',
  ],
  ['trials: 3\n', 'x.yaml:1:1: key "name": the key "name" is missing, expected text [RELEASE_MISSING_KEY]'],
  [
    'name: 7\n',
    'x.yaml:1:7: key "name": expected text, found the number 7 [RELEASE_BAD_VALUE]\n  try: put it in quotes: "7"',
  ],
  [
    'name: a\ntrials: 0\n',
    'x.yaml:2:9: key "trials": expected a number of at least 1, found the number 0 [RELEASE_BAD_VALUE]',
  ],
  [
    'name: a\ntrials: 1.5\n',
    'x.yaml:2:9: key "trials": expected a whole number, found the number 1.5 [RELEASE_BAD_VALUE]',
  ],
  [
    'name: a\nmode: reveiw\n',
    'x.yaml:2:7: key "mode": expected one of "auto", "draft" or "review", found the text "reveiw" [RELEASE_BAD_VALUE]\n  try: did you mean "review"?',
  ],
  [
    'name: a\nsystem: { flie: x }\n',
    'x.yaml:2:11: key "system.flie": unknown key "flie", expected file [RELEASE_UNKNOWN_KEY]\n  try: did you mean "file"?',
  ],
  [
    'name: a\nsystem: [x]\n',
    'x.yaml:2:9: key "system": expected text or a map (key: value), found a list [RELEASE_BAD_VALUE]',
  ],
  [
    'name: a\ntags: []\n',
    'x.yaml:2:7: key "tags": expected a list of at least 1 entry, found an empty list [RELEASE_BAD_VALUE]',
  ],
  [
    'name: a\ntags: [a, ""]\n',
    'x.yaml:2:11: key "tags[1]": expected a text of at least 1 character, found an empty text [RELEASE_BAD_VALUE]',
  ],
  [
    'name: a\nfloors: { tone: { min-passrate: 1 } }\n',
    'x.yaml:2:19: key "floors.tone.min-passrate": unknown key "min-passrate", expected min-pass-rate [RELEASE_UNKNOWN_KEY]\n  try: did you mean "min-pass-rate"?',
  ],
  [
    'name: a\nroute: { provider: openia, model: m }\n',
    'x.yaml:2:20: key "route.provider": expected one of "openai" or "replay", found the text "openia" [RELEASE_BAD_VALUE]\n  try: did you mean "openai"?',
  ],
  [
    'name: a\nroute: { provider: replay, flie: m, file: n }\n',
    'x.yaml:2:28: key "route.flie": unknown key "flie", expected provider or file [RELEASE_UNKNOWN_KEY]\n  try: did you mean "file"?',
  ],
  ['- a\n', 'x.yaml:1:1: expected a map (key: value), found a list [RELEASE_BAD_VALUE]'],
])('%j is told in one sentence', (yaml, sentence) => {
  expect(complaints(yaml)).toContain(sentence);
});

test('every problem is told in one pass', () => {
  expect(complaints('nam: a\ntrials: x\nmode: 3\n')).toHaveLength(4);
});

test('a value that looks like a secret is not repeated', () => {
  const [sentence] = complaints('name: a\ntrials: sk-live-0123456789abcdef\n');
  expect(sentence).toContain('a text that looks like a secret');
  expect(sentence).not.toContain('0123456789');
});

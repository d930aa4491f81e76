// promptfoo tests in CSV: columns are variables, and `__expected` cells are assertions in one line.

import { parseCsv } from '../../base/csv.ts';
import { fixedDocument } from '../../base/document.ts';
import { type JsonObject, type JsonValue, normalizeNewlines } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { commaList } from './asked.ts';
import { Site } from './site.ts';

/** The rows as tests in promptfoo's own form, each with its line. */
export function csvTests(text: string, file: string, from: Site): Site[] {
  const parsed = parseCsv(normalizeNewlines(text));
  if (!parsed.ok) {
    from.losses.dropped(`tests ${quoted(file)}`, parsed.problem, { file, line: parsed.line });
    return [];
  }
  const [header, ...records] = parsed.records;
  if (header === undefined) return [];
  const columns = header.cells.map((c) => c.trim());
  for (const column of columns)
    if (/^_(expected|prefix|suffix|description|providerOutput|metric|threshold|metadata|config)/.test(column))
      from.losses.approximated(
        `column ${quoted(column)}`,
        `a variable, as promptfoo takes it; with two underscores it would be an option`,
        { file, line: header.line },
      );
  return records.flatMap((record) => {
    const place = { file, line: record.line };
    if (record.cells.length !== columns.length) {
      from.losses.dropped(
        'row',
        `it has ${record.cells.length} cells, the header has ${columns.length}`,
        place,
      );
      return [];
    }
    const problems: string[] = [];
    const value = rowTest(columns, record.cells, problems);
    for (const problem of problems) from.losses.dropped('cell', problem, place);
    const document = fixedDocument(value, file, { line: record.line, column: 1 });
    return [new Site(from.reading, document)];
  });
}

/** One row as a test. `csv: true` stands beside its assertions' thresholds. */
function rowTest(columns: readonly string[], cells: readonly string[], problems: string[]): JsonObject {
  const vars: Record<string, JsonValue> = {};
  const asserts: Record<string, JsonValue>[] = [];
  const options: Record<string, JsonValue> = {};
  const metadata: Record<string, JsonValue> = {};
  const test: Record<string, JsonValue> = {};
  const thresholds = new Map<number, number>();
  let metric = '';
  for (const [i, column] of columns.entries()) {
    const cell = cells[i] ?? '';
    if (column === '__proto__') problems.push('a column cannot be called "__proto__"');
    else if (column.startsWith('__expected')) {
      if (cell.trim() !== '') asserts.push(assertionOf(cell.trim(), problems));
    } else if (column === '__prefix' || column === '__suffix') {
      if (cell !== '') options[column.slice(2)] = cell;
    } else if (column === '__description') {
      if (cell !== '') test['description'] = cell;
    } else if (column === '__providerOutput') {
      if (cell !== '') test['providerOutput'] = cell;
    } else if (column === '__metric') metric = cell;
    else if (column === '__threshold') {
      const threshold = numberOf(cell);
      if (threshold !== null) test['threshold'] = threshold;
      else if (cell.trim() !== '') problems.push(`${quoted(cell)} in __threshold is not a number`);
    } else if (column.startsWith('__metadata:')) {
      const name = column.slice('__metadata:'.length);
      if (cell.trim() === '' || name === '__proto__') continue;
      if (name.endsWith('[]'))
        metadata[name.slice(0, -2)] = cell.split(/(?<!\\),/).map((v) => v.trim().replace(/\\,/g, ','));
      else metadata[name] = cell;
    } else if (column.startsWith('__config:')) {
      const match = /^__config:__expected(\d*):threshold$/.exec(column);
      const threshold = numberOf(cell);
      if (match === null) problems.push(`the column ${quoted(column)} is not known`);
      else if (threshold !== null) thresholds.set(match[1] === '' ? 0 : Number(match[1]) - 1, threshold);
    } else if (column.startsWith('__')) problems.push(`the column ${quoted(column)} is not known`);
    else vars[column] = cell;
  }
  for (const [i, assertion] of asserts.entries()) {
    if (metric !== '') assertion['metric'] = metric;
    const threshold = thresholds.get(i);
    if (threshold !== undefined) {
      assertion['threshold'] = threshold;
      delete assertion['implied'];
    }
  }
  return {
    ...test,
    vars,
    assert: asserts,
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

function numberOf(cell: string): number | null {
  const text = cell.trim();
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** Types that promptfoo gives a threshold of 0.75 in CSV where the cell names none. */
const THRESHOLD_TYPES = new Set([
  'answer-relevance',
  'classifier',
  'context-faithfulness',
  'context-recall',
  'context-relevance',
  'cost',
  'latency',
  'levenshtein',
  'perplexity-score',
  'perplexity',
  'rouge-n',
  'similar',
  'starts-with',
]);

/** Types that a cell may name; any other text is compared as a whole. */
const CELL_TYPES = new Set([
  ...THRESHOLD_TYPES,
  'agent-rubric',
  'bleu',
  'contains',
  'contains-all',
  'contains-any',
  'contains-html',
  'contains-json',
  'contains-sql',
  'contains-xml',
  'conversation-relevance',
  'equals',
  'factuality',
  'finish-reason',
  'g-eval',
  'gleu',
  'guardrails',
  'icontains',
  'icontains-all',
  'icontains-any',
  'is-html',
  'is-json',
  'is-refusal',
  'is-sql',
  'is-valid-function-call',
  'is-valid-openai-function-call',
  'is-valid-openai-tools-call',
  'is-xml',
  'llm-rubric',
  'meteor',
  'model-graded-closedqa',
  'model-graded-factuality',
  'moderation',
  'pi',
  'regex',
  'ruby',
  'search-rubric',
  'tool-call-f1',
  'webhook',
  'word-count',
]);

/** `not-contains: text`, `similar(0.9): text`, `javascript: code`, or a text that the answer must equal. */
function assertionOf(cell: string, problems: string[]): Record<string, JsonValue> {
  const code = /^(javascript|fn|eval):([\s\S]*)$/.exec(cell);
  if (code !== null) return { type: 'javascript', value: (code[2] as string).trim() };
  if (/^file:\/\/.*\.[cm]?[jt]s(:\w+)?$/.test(cell)) return { type: 'javascript', value: cell };
  const graded = /^(grade|llm-rubric):([\s\S]*)$/.exec(cell);
  if (graded !== null) return { type: 'llm-rubric', value: graded[2] as string };
  if (cell.startsWith('python:') || /^file:\/\/.*\.py(:\w+)?$/.test(cell))
    return { type: 'python', value: cell.replace(/^(python:|file:\/\/)/, '').trim() };
  const match = /^(not-)?([a-z0-9:-]+?)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?$/.exec(cell);
  const type = match?.[2];
  if (match === null || type === undefined || !CELL_TYPES.has(type)) return { type: 'equals', value: cell };
  const full = `${match[1] ?? ''}${type}`;
  const value = match[4];
  if (/^i?contains-(all|any)$/.test(type)) {
    const list = commaList(value ?? '');
    if (list === null) problems.push(`the list of ${quoted(full)} has a quote that is not closed`);
    return { type: full, value: list ?? [] };
  }
  if (type === 'is-json' || type === 'contains-json')
    return { type: full, ...(value === undefined ? {} : { value }) };
  const trimmed = value === undefined ? {} : { value: value.trim() };
  if (!THRESHOLD_TYPES.has(type)) return { type: full, ...trimmed };
  const threshold = match[3] === undefined ? (type === 'similar' ? 0.8 : 0.75) : Number(match[3]);
  return { type: full, ...trimmed, threshold, ...(match[3] === undefined ? { implied: true } : {}) };
}

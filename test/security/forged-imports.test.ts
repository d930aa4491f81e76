// Exported snapshots as an attacker would edit them: each is refused with its line, and nothing of it is imported.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { LastgoodError, SILENT } from '../../src/base/index.ts';
import { canonicalJson, contentHash, type JsonObject, sha256 } from '../../src/base/json.ts';
import { exportFiles, importFiles } from '../../src/engine/exchange/exchange.ts';
import { importCheck } from '../../src/engine/exchange/import-check.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { runJob } from '../../src/jobs/run/run-job.ts';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import {
  answered,
  collect,
  graded,
  newSnapshot,
  refundCase,
  refundSuite,
  scored,
  VALID,
} from '../ledger/world.ts';

// Lines of a file as they are edited: any shape an attacker gives them.
// biome-ignore lint/suspicious/noExplicitAny: forged lines have no type
type Line = any;
type Forgery = (lines: Line[]) => void;

const CASES = [
  { id: 'kettle', vars: { ticket: 'Where is my kettle?' }, expected: 'refund', critical: true, trials: 2 },
  { id: 'lid', vars: { ticket: 'The lid broke.' }, expected: 'refund', tags: ['lid'] },
  { id: 'till', vars: { ticket: 'A very long ticket. '.repeat(20) }, expected: 'refund', group: 'tills' },
];
const ANSWERS = [
  { case_id: 'kettle', output: 'A refund is on its way.' },
  { case_id: 'kettle', output: 'No.' },
  { case_id: 'lid', output: 'You get a refund.' },
  { case_id: 'till', output: 'I cannot help with that.' },
];
const FILES = {
  'suites/desk/suite.yaml':
    'name: desk\ncases: [cases.jsonl]\npolicy: { margin: 0.05 }\ndefaults: { grade: [{ contains: refund }, { max-length: 200 }] }\n',
  'suites/desk/cases.jsonl': CASES.map((c) => `${JSON.stringify(c)}\n`).join(''),
  'releases/desk.yaml':
    'name: desk\nroute: { provider: replay, file: ../recordings/night.jsonl }\nprompt: { system: "You are the refund desk of a small shop. You are polite, and you never promise what you cannot keep, whoever asks.", messages: [{ role: user, content: "{{ ticket }}" }] }\n',
  'recordings/night.jsonl': ANSWERS.map((c) => `${JSON.stringify(c)}\n`).join(''),
};

let root: string;
let exported: readonly string[];

function open(db: string): Promise<Workplace> {
  const never = new AbortController().signal;
  return openWorkplace({
    ...{ db, root, environment: { HOME: root }, progress: SILENT },
    ...{ version: 'test', node: 'test', platform: 'test', signal: never, hardSignal: never },
    clock: { now: () => new Date('2026-03-15T02:00:00Z') },
    rng: new Mt19937(1),
  });
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lastgood-forged-'));
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const work = await open(join(root, 'home.db'));
  const done = await runJob(work, {
    ...{ suite: 'suites/desk', release: 'releases/desk.yaml', cwd: root, dryRun: false, settings: {} },
  });
  if (done.kind !== 'run') throw new Error('nothing was run');
  await work.store.bless({
    ...{ snapshot: done.summary.id, suite: 'desk', by: 'ann', why: 'the Friday release' },
    ...{ at: '2026-03-15T09:00:00.000Z', overrode: [] },
  });
  const [file] = await exportFiles(work, [done.summary.id], { dir: 'out', cwd: root });
  await work.store.close();
  exported = (await readFile(join(root, file?.file ?? ''), 'utf8')).trimEnd().split('\n');
  return () => rm(root, { recursive: true, force: true });
});

/** What an import of the lines says. */
async function taken(lines: readonly string[]): Promise<LastgoodError | null> {
  const folder = await mkdtemp(join(root, 'away-'));
  const file = join(folder, 'x.snapshot.jsonl');
  await writeFile(file, `${lines.join('\n')}\n`);
  const work = await open(join(folder, 'away.db'));
  onTestFinished(() => work.store.close());
  const error = await importFiles(work, [file], folder).then(
    () => null,
    (e: unknown) => e,
  );
  if (error !== null) expect(await work.store.list()).toEqual([]);
  if (error !== null && !(error instanceof LastgoodError)) throw error;
  return error;
}

const head = (lines: Line[]): Line => lines[0];
const of = (lines: Line[], kind: string): Line[] => lines.filter((l) => l.kind === kind);
const caseOf = (lines: Line[], id: string): Line => of(lines, 'case').find((l) => l.case.id === id);
const trialOf = (lines: Line[], id: string, n = 0): Line =>
  of(lines, 'trial').find((l) => l.trial.caseId === id && l.trial.trial === n);
const end = (lines: Line[]): Line => lines.at(-1);
const drop = (lines: Line[], line: Line): void => {
  lines.splice(lines.indexOf(line), 1);
};

/** Fingerprints of a release made anew, as a careful forger does. */
function refingerprint(release: Line): void {
  for (const [name, layer] of Object.entries(release.layers))
    release.layerHashes[name] = contentHash(layer as JsonObject);
  release.fingerprint = sha256(canonicalJson(release.layerHashes));
}

const FORGERIES: readonly (readonly [what: string, forge: Forgery])[] = [
  // Releases.
  [
    'a prompt swapped under its fingerprint',
    (l) => {
      head(l).release.layers.prompt.system = 'Say yes to all.';
    },
  ],
  [
    'the same, with the mark of a forgotten text in it',
    (l) => {
      head(l).release.layers.prompt.system = 'Say yes to all. [forgotten]';
    },
  ],
  [
    'the same, with the mark of a removed text in it',
    (l) => {
      head(l).release.layers.prompt.system = '[removed from the ledger]';
    },
  ],
  [
    'a route swapped for a command',
    (l) => {
      head(l).release.layers.route = { provider: 'command', command: ['bash', '-c', 'id'] };
    },
  ],
  [
    'a command route with a mark',
    (l) => {
      head(l).release.layers.route = {
        provider: 'command',
        command: ['bash', '-c', 'id # [forgotten]'],
      };
    },
  ],
  [
    'a layer hash made anew, its fingerprint not',
    (l) => {
      head(l).release.layers.prompt.system = 'Yes.';
      head(l).release.layerHashes.prompt = contentHash(head(l).release.layers.prompt);
    },
  ],
  [
    'a layer more',
    (l) => {
      head(l).release.layers.automation = { mode: 'auto' };
    },
  ],
  [
    'a layer less',
    (l) => {
      delete head(l).release.layers.prompt;
    },
  ],
  [
    'a layer called forgotten that is whole',
    (l) => {
      head(l).release.forgotten = ['prompt'];
    },
  ],
  [
    'a forgotten layer that there is not',
    (l) => {
      head(l).release.forgotten = ['tools'];
    },
  ],
  [
    'a forgotten layer under hashes that do not give the fingerprint',
    (l) => {
      head(l).release.layers.prompt.system = 'Yes.';
      head(l).release.layerHashes.prompt = 'a'.repeat(64);
      head(l).release.forgotten = ['prompt'];
    },
  ],
  [
    'a fingerprint that is no hash',
    (l) => {
      head(l).release.fingerprint = 'latest';
    },
  ],
  [
    'a judge whose layers are not its own',
    (l) => {
      head(l).judge = structuredClone(head(l).release);
      head(l).judge.layers.prompt.system = 'Pass everything.';
    },
  ],
  [
    'a judge that no exam names',
    (l) => {
      head(l).judge = structuredClone(head(l).release);
    },
  ],
  [
    'a release whose name climbs out of its folder',
    (l) => {
      head(l).release.name = '../../etc/passwd';
    },
  ],
  [
    'a release whose name rings the bell',
    (l) => {
      head(l).release.name = 'desk\u0007\u001b[2J';
    },
  ],
  [
    'a check command in a key nobody knows',
    (l) => {
      head(l).release.dependents = [{ name: 'x', builtFrom: 'prompt', run: 'id' }];
    },
  ],
  // Blessings.
  [
    'a blessing of another fingerprint',
    (l) => {
      of(l, 'blessing')[0].fingerprint = 'b'.repeat(64);
    },
  ],
  [
    'a blessing of another suite',
    (l) => {
      of(l, 'blessing')[0].suite = 'till';
    },
  ],
  [
    'a blessing without a reason',
    (l) => {
      of(l, 'blessing')[0].why = '';
    },
  ],
  // Suite and cases.
  [
    'a suite whose name is a path',
    (l) => {
      head(l).suite.name = '../desk';
    },
  ],
  [
    'a policy that forgives',
    (l) => {
      head(l).suite.policy.margin = 0.6;
    },
  ],
  [
    'a policy with a key nobody knows',
    (l) => {
      head(l).suite.policy.ignore = true;
    },
  ],
  [
    'a case that is not critical any more',
    (l) => {
      caseOf(l, 'kettle').case.critical = false;
    },
  ],
  [
    'a case that is tried less often',
    (l) => {
      caseOf(l, 'kettle').case.trials = 1;
    },
  ],
  [
    'a case without trials',
    (l) => {
      caseOf(l, 'kettle').case.trials = 0;
    },
  ],
  ['a tag more', (l) => caseOf(l, 'lid').case.tags.push('harmless')],
  [
    'another ticket under the same hash',
    (l) => {
      caseOf(l, 'kettle').case.vars.ticket = 'Say refund.';
    },
  ],
  [
    'another ticket with a mark',
    (l) => {
      caseOf(l, 'kettle').case.vars.ticket = '[forgotten]';
    },
  ],
  [
    'another ticket with its hash, under the old suite',
    (l) => {
      const { case: c } = caseOf(l, 'kettle');
      c.vars.ticket = 'Say refund.';
      c.contentHash = contentHash({ expected: c.expected, messages: null, vars: c.vars });
    },
  ],
  [
    'a grader that asks less',
    (l) => {
      caseOf(l, 'kettle').case.graders[0].options.value = 'o';
    },
  ],
  [
    'a grader less',
    (l) => {
      caseOf(l, 'kettle').case.graders.pop();
    },
  ],
  [
    'a grader that is not required any more',
    (l) => {
      caseOf(l, 'kettle').case.graders[0].required = false;
    },
  ],
  [
    'two graders of one id',
    (l) => caseOf(l, 'kettle').case.graders.push(caseOf(l, 'kettle').case.graders[0]),
  ],
  [
    'a case called altered that is whole',
    (l) => {
      caseOf(l, 'kettle').altered = ['content'];
    },
  ],
  [
    'a suite called altered that is whole',
    (l) => {
      end(l).altered = ['suite'];
    },
  ],
  [
    'an exam of other graders',
    (l) => {
      caseOf(l, 'kettle').exam.gradersHash = 'c'.repeat(64);
    },
  ],
  [
    'an exam with a judge that the graders do not ask',
    (l) => {
      caseOf(l, 'kettle').exam.judge = 'd'.repeat(64);
    },
  ],
  [
    'an exam of grader code that there is not',
    (l) => {
      caseOf(l, 'kettle').exam.graderCode = 0;
    },
  ],
  [
    'an exam of grader code to come',
    (l) => {
      caseOf(l, 'kettle').exam.graderCode = 99;
    },
  ],
  [
    'an exam fingerprint of another exam',
    (l) => {
      head(l).exam = 'e'.repeat(64);
    },
  ],
  [
    'a suite hash of another suite',
    (l) => {
      head(l).suite.hash = 'f'.repeat(64);
    },
  ],
  [
    'a case that is gone, and its trials',
    (l) => {
      for (const line of [caseOf(l, 'till'), trialOf(l, 'till')]) drop(l, line);
      end(l).cases--;
      end(l).trials--;
    },
  ],
  // Trials and grades.
  [
    'a failed grade made a pass',
    (l) => Object.assign(trialOf(l, 'till').grades[0], { pass: true, score: 1 }),
  ],
  [
    'a passed grade made a failure, so that everything else looks better',
    (l) => Object.assign(trialOf(l, 'lid').grades[0], { pass: false, score: 0 }),
  ],
  [
    'a score without its pass',
    (l) => {
      trialOf(l, 'till').grades[0].score = 1;
    },
  ],
  [
    'a grade less',
    (l) => {
      trialOf(l, 'till').grades.shift();
    },
  ],
  [
    'a grade of another grader',
    (l) => {
      trialOf(l, 'till').grades[0].graderId = 'max-length';
    },
  ],
  [
    'a grade that is not required',
    (l) => {
      trialOf(l, 'till').grades[0].required = false;
    },
  ],
  [
    'a grade of no weight',
    (l) => {
      trialOf(l, 'till').grades[0].weight = 0;
    },
  ],
  [
    'a grade of negative weight',
    (l) => {
      trialOf(l, 'till').grades[0].weight = -1;
    },
  ],
  [
    'grades that were not measured, by a grader that always can',
    (l) => {
      trialOf(l, 'till').grades[0] = {
        ...trialOf(l, 'till').grades[0],
        status: 'ungraded',
        cause: 'no_output',
      };
      for (const key of ['pass', 'score']) delete trialOf(l, 'till').grades[0][key];
    },
  ],
  [
    'an answer that is not the one that was graded',
    (l) => {
      trialOf(l, 'till').trial.output.text = 'x'.repeat(300);
    },
  ],
  [
    "a length that is not the answer's",
    (l) => {
      trialOf(l, 'kettle').measures.length = 1;
    },
  ],
  [
    'a refusal that was none',
    (l) => {
      trialOf(l, 'kettle').measures.refusal = true;
    },
  ],
  [
    'a trial that is gone',
    (l) => {
      drop(l, trialOf(l, 'kettle', 1));
      end(l).trials--;
    },
  ],
  [
    'a trial that is there twice',
    (l) => {
      l.splice(-1, 0, trialOf(l, 'kettle', 1));
      end(l).trials++;
    },
  ],
  [
    'a failed trial made answered and invalid made valid',
    (l) => {
      const line = trialOf(l, 'kettle', 1);
      const { attempts, caseId, sent, trial } = line.trial;
      Object.assign(line, { grades: [], measures: { length: null, refusal: null } });
      line.trial = {
        attempts,
        caseId,
        sent,
        trial,
        status: 'failed',
        cause: 'infra_error',
        code: 'x',
        message: 'x',
      };
    },
  ],
  [
    'a failed trial with grades',
    (l) => {
      const line = trialOf(l, 'kettle', 1);
      const { attempts, caseId, sent, trial } = line.trial;
      line.trial = {
        attempts,
        caseId,
        sent,
        trial,
        status: 'failed',
        cause: 'infra_error',
        code: 'x',
        message: 'x',
      };
    },
  ],
  [
    'a cost below nothing',
    (l) => {
      trialOf(l, 'lid').trial.costUsd = -5;
    },
  ],
  [
    'a judge that pays back',
    (l) => {
      trialOf(l, 'lid').judgeCostUsd = -1;
    },
  ],
  [
    'a latency below nothing',
    (l) => {
      trialOf(l, 'lid').trial.latencyMs = -1;
    },
  ],
  [
    'tokens below nothing',
    (l) => {
      trialOf(l, 'lid').trial.usage = { inputTokens: -1 };
    },
  ],
  [
    'a trial of a case that there is not',
    (l) => {
      trialOf(l, 'lid').trial.caseId = 'kettles';
    },
  ],
  // The whole.
  [
    'more planned trials than its cases ask for',
    (l) => {
      head(l).plannedTrials++;
    },
  ],
  [
    'an end before its beginning',
    (l) => {
      head(l).closing.finishedAt = '2020-01-01T00:00:00.000Z';
    },
  ],
  [
    'a time that is none',
    (l) => {
      head(l).startedAt = 'yesterday';
    },
  ],
  [
    'an id that is a path',
    (l) => {
      head(l).id = 's../../x';
    },
  ],
  [
    'a text under another hash',
    (l) => {
      l.splice(-1, 0, { kind: 'text', sha256: 'a'.repeat(64), text: 'Say yes.' });
    },
  ],
  [
    'counts that are not those of its lines',
    (l) => {
      end(l).trials++;
    },
  ],
  [
    'a purpose that there is not',
    (l) => {
      head(l).purpose = 'baseline';
    },
  ],
  [
    'a format to come',
    (l) => {
      head(l).schemaVersion = 3;
    },
  ],
];

describe('a forged snapshot is refused, and nothing of it is imported', () => {
  it('there are more than 46 of them, and the file itself is taken', async () => {
    expect(FORGERIES.length).toBeGreaterThanOrEqual(46);
    expect(await taken(exported)).toBeNull();
  });

  it.each(FORGERIES)('%s', async (_what, forge) => {
    const lines = exported.map((line) => JSON.parse(line) as Line);
    forge(lines);
    const forged = lines.map((line) => JSON.stringify(line));
    expect(forged.join()).not.toBe(exported.map((l) => JSON.stringify(JSON.parse(l))).join());
    const error = await taken(forged);
    expect(error).toMatchObject({ code: 'IMPORT_INVALID', exitCode: 2 });
    expect(error?.where.file).toMatch(/x\.snapshot\.jsonl$/);
  });
});

it('a forger who makes every hash anew still cannot change a grade', async () => {
  const lines = exported.map((line) => JSON.parse(line) as Line);
  head(lines).release.layers.prompt.system = 'Say yes to all.';
  refingerprint(head(lines).release);
  for (const b of of(lines, 'blessing')) b.fingerprint = head(lines).release.fingerprint;
  // A release of its own under its own name is evidence like any other: it is taken, and it is nobody's baseline.
  expect(await taken(lines.map((line) => JSON.stringify(line)))).toBeNull();
  Object.assign(trialOf(lines, 'till').grades[0], { pass: true, score: 1 });
  const at = lines.indexOf(trialOf(lines, 'till')) + 1;
  const error = await taken(lines.map((line) => JSON.stringify(line)));
  expect(error).toMatchObject({ code: 'IMPORT_INVALID', where: { line: at } });
  expect(error?.message).toContain('graded 1 (passed) by "contains"');
});

it('never overrides what the ledger measured: another snapshot of a known id is refused, and latest stays the own run', async () => {
  const work = await open(join(root, 'home.db'));
  onTestFinished(() => work.store.close());
  const [own] = await work.store.list();
  const file = join(root, 'later.snapshot.jsonl');
  const later = exported.map((line) => JSON.parse(line) as Line);
  head(later).id = 'slater001';
  head(later).startedAt = '2099-01-01T00:00:00.000Z';
  head(later).closing.finishedAt = '2099-01-01T00:01:00.000Z';
  await writeFile(file, later.map((line) => JSON.stringify(line)).join('\n'));
  await importFiles(work, [file], root);
  const now = new Date('2099-02-01T00:00:00Z');
  expect(await work.store.resolve('latest', { now })).toMatchObject({ id: own?.id, imported: false });
  expect(await work.store.resolve('latest~1', { now })).toMatchObject({ id: 'slater001', imported: true });
  expect(await work.store.resolve('@2099-01-15', { now })).toMatchObject({ id: own?.id });
  expect(await work.store.resolve('baseline', { now })).toMatchObject({ id: own?.id });
  expect(await work.store.resolve('slater001', { now })).toMatchObject({ imported: true });
  head(later).id = own?.id;
  await writeFile(file, later.map((line) => JSON.stringify(line)).join('\n'));
  await expect(importFiles(work, [file], root)).rejects.toMatchObject({ code: 'SNAPSHOT_DIFFERS' });
});

describe('what can be exported can be imported', () => {
  it('arguments nested 1,600 deep', async () => {
    const deep = (n: number): JsonObject => JSON.parse(`${'{"a":'.repeat(n)}1${'}'.repeat(n)}`) as JsonObject;
    const folder = await mkdtemp(join(root, 'deep-'));
    const [home, away] = [await openLedger(join(folder, 'a.db')), await openLedger(join(folder, 'b.db'))];
    onTestFinished(async () => {
      await home.close();
      await away.close();
    });
    const toolCalls = [{ name: 'refund', args: deep(1600) }];
    await home.begin(newSnapshot('sdeep001', refundSuite([refundCase('kettle')])));
    await home.append('sdeep001', [
      graded(answered('kettle', 0, { output: { text: 'A refund.', toolCalls } })),
    ]);
    await home.finish('sdeep001', VALID);
    const lines = await collect(exportSnapshot(home, 'sdeep001'));
    await importSnapshot(away, lines, undefined, importCheck(new AbortController().signal));
    expect(await collect(exportSnapshot(away, 'sdeep001'))).toEqual(lines);
    // Deeper than any of it can be read: refused as what it is.
    const deeper = lines.map((line) =>
      line.replace('{"a":1}', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`),
    );
    const other = await openLedger(join(folder, 'c.db'));
    onTestFinished(() => other.close());
    await expect(importSnapshot(other, deeper)).rejects.toMatchObject({ code: 'IMPORT_INVALID' });
  });

  it('cases with a recursive JSON Schema as a grader', async () => {
    const schema = { type: 'array', items: { $ref: '#' } } as unknown as JsonObject;
    const grader = {
      id: 'tree',
      type: 'json-schema',
      negate: false,
      weight: 1,
      required: true,
      options: { schema },
    };
    const folder = await mkdtemp(join(root, 'schema-'));
    const [home, away] = [await openLedger(join(folder, 'a.db')), await openLedger(join(folder, 'b.db'))];
    onTestFinished(async () => {
      await home.close();
      await away.close();
    });
    const suite = refundSuite([refundCase('kettle', { graders: [grader as never] })]);
    await home.begin(newSnapshot('stree001', suite));
    const grade = scored('tree', true, { graderType: 'json-schema' });
    const output = { text: '[[], [[]]]', toolCalls: [] };
    await home.append('stree001', [graded(answered('kettle', 0, { output }), [grade])]);
    await home.finish('stree001', VALID);
    const lines = await collect(exportSnapshot(home, 'stree001'));
    await importSnapshot(away, lines, undefined, importCheck(new AbortController().signal));
    expect(await away.list()).toMatchObject([{ id: 'stree001', imported: true, passRate: 1 }]);
  });
});

// Writes test/fixtures/snapshot-schema-vN for the current schema version: a small ledger as SQL, and what it exports. Run once for each
// new version, before it is released, and commit the result: `node test/ledger/write-schema-fixture.ts`. Never run it for an old one.

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contentHash } from '../../src/base/index.ts';
import { exportSnapshot, openLedger } from '../../src/ledger/index.ts';
import { SCHEMA_VERSION } from '../../src/ledger/sqlite/migrations.ts';
import { dumpSql } from './dump.ts';
import {
  answered,
  closing,
  collect,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  skipped,
  temporaryFolder,
  ungraded,
} from './world.ts';

const target = fileURLToPath(new URL(`../fixtures/snapshot-schema-v${SCHEMA_VERSION}`, import.meta.url));
if (existsSync(target))
  throw new Error(`${target} is there already; a released schema's fixture is never rewritten`);

await using folder = await temporaryFolder();
const path = join(folder.path, 'lastgood.db');
const ledger = await openLedger(path);
const judge = refundRelease('gpt-4o-mini-2024-07-18', {
  name: 'judge',
  pin: { state: 'floating', reason: 'an alias' },
});
const suite = refundSuite([
  refundCase('kettle-02', {
    trials: 2,
    tags: ['refund', 'tone'],
    group: 'ticket-8812',
    critical: true,
    minPassRate: 0.8,
  }),
  refundCase('kettle-01', {
    meta: { note: 'long '.repeat(40) },
    source: { kind: 'incident', ref: 'INC-42' },
  }),
  refundCase('kettle-03', { expected: undefined, messages: [{ role: 'user', content: 'hello' }] }),
]);

await ledger.begin(newSnapshot('sfinished', suite, { judge, labels: { branch: 'main' } }));
await ledger.append('sfinished', [
  graded(answered('kettle-02', 1), [
    scored('names-refund', true),
    scored('short', false, { details: { length: 412 } }),
  ]),
  graded(answered('kettle-02', 0), [scored('names-refund', true), ungraded('tone')], { judgeCostUsd: null }),
  graded(failed('kettle-01')),
  graded(
    answered('kettle-03', 0, {
      output: { text: 'I cannot.', toolCalls: [{ name: 'refund', args: { order: 7 } }], refusal: 'policy' },
      served: { ...answered('kettle-03').served, simulated: true, requestId: null },
      attempts: [
        {
          startedAt: '2026-03-15T02:00:01.000Z',
          latencyMs: 12,
          outcome: 'rate_limited',
          httpStatus: 429,
          message: 'slow down',
        },
        { startedAt: '2026-03-15T02:00:02.000Z', latencyMs: 812.5, outcome: 'answered' },
      ],
      droppedParams: ['seed'],
    }),
  ),
]);
await ledger.finish(
  'sfinished',
  closing({ validity: 'degraded', validityReasons: ['1 of 4 trials failed'] }),
);

await ledger.begin(
  newSnapshot('sstopped1', suite, {
    startedAt: '2026-03-16T02:00:00.000Z',
    release: refundRelease('gpt-4o-2025-01-01'),
  }),
);
await ledger.append('sstopped1', [graded(answered('kettle-01')), graded(skipped('kettle-02'))]);
await ledger.finish(
  'sstopped1',
  closing({ state: 'interrupted', validity: 'degraded', findings: [{ code: 'BUDGET', message: 'spent' }] }),
);

await ledger.bless({
  snapshot: 'sfinished',
  suite: 'refund-bot',
  by: 'ann',
  why: 'the Friday release',
  at: '2026-03-16T09:00:00Z',
  overrode: ['degraded'],
});
await ledger.keepVerdict('key-1', { yes: true }, '2026-03-16T09:00:00Z');
// Since version 3.
await ledger.keepVectors(
  'e'.repeat(64),
  new Map([
    [contentHash(answered('kettle-02').output as never), Float32Array.of(0.5, -0.25)],
    [contentHash({ text: 'never given', toolCalls: [] }), Float32Array.of(1, 1)],
  ]),
);
await ledger.keepRecord({
  kind: 'comparison',
  suite: 'refund-bot',
  at: '2026-03-16T09:00:00Z',
  body: { verdict: 'unchanged' },
});

await mkdir(target, { recursive: true });
for (const id of ['sfinished', 'sstopped1']) {
  const lines = await collect(exportSnapshot(ledger, id));
  await writeFile(join(target, `${id}.snapshot.jsonl`), `${lines.join('\n')}\n`);
}
await ledger.close();
await writeFile(join(target, 'ledger.sql'), dumpSql(path));

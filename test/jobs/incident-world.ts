// Ten nights of the refund bot in a ledger: a new prompt on night 4 that changes nothing, answers that go wrong from night 8 on.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { secretMask } from '../../src/base/index.ts';
import type { SnapshotStore, SnapshotSummary } from '../../src/core/index.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { loadRelease } from '../../src/release/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { loadSuite } from '../../src/suite/index.ts';

const TOPICS = ['late', 'broken', 'gift'] as const;
export const NIGHTS = 10;
export const FIRST_BAD_NIGHT = 8;
export const DAY_MS = 86_400_000;
const START = Date.parse('2026-03-01T03:15:00Z');

export interface IncidentWorld {
  readonly folder: string;
  readonly db: string;
  readonly work: Workplace;
  readonly store: SnapshotStore;
  /** Oldest first. */
  readonly nights: readonly SnapshotSummary[];
  readonly at: (night: number) => string;
}

/** `spice` is put into every answer of the bad nights. `db`: a ledger elsewhere. */
export async function incidentWorld(
  folder: string,
  spice = '',
  db = join(folder, 'lastgood.db'),
): Promise<IncidentWorld> {
  await mkdir(folder, { recursive: true });
  const ids = Array.from({ length: 24 }, (_, i) => `${TOPICS[i % 3]}-${String(i).padStart(2, '0')}`);
  await writeFile(
    join(folder, 'suite.yaml'),
    [
      'name: refund-bot',
      'trials: 3',
      'cases: [cases.jsonl]',
      'defaults:',
      '  grade: [{ max-length: 600 }]',
      'policy: { min-pass-rate: 0.8 }',
    ].join('\n'),
  );
  await writeFile(
    join(folder, 'cases.jsonl'),
    ids
      .map((id, i) =>
        JSON.stringify({
          id,
          tags: [id.split('-')[0]],
          ...(i === 1
            ? { messages: [{ role: 'user', content: `my parcel came broken, number ${i}` }] }
            : { vars: { ticket: `Where is my refund? Order ${i}.` } }),
          grade: [
            { icontains: { value: 'refund', id: 'says-refund' } },
            { 'not-matches': { pattern: 'as an ai', 'ignore-case': true } },
            { rubric: [{ id: 'short', check: { 'max-words': 80 } }] },
          ],
        }),
      )
      .join('\n'),
  );
  const line = (id: string, run: number, good: boolean): string =>
    JSON.stringify({
      case_id: id,
      run,
      output: good
        ? `Sorry about that. Your refund for ${id} is on its way and arrives within three working days, promise ${run}.`
        : `Please contact support. ${spice}`,
      model: 'bot-1',
    });
  const recording = (name: string, bad: (id: string) => boolean): Promise<void> =>
    writeFile(
      join(folder, name),
      ids.flatMap((id) => [0, 1, 2].map((run) => line(id, run, !bad(id)))).join('\n'),
    );
  await recording('good.jsonl', () => false);
  await recording('bad.jsonl', (id) => !id.startsWith('gift'));
  const release = (file: string, system: string): string =>
    [
      'name: refund-bot',
      `route: { provider: replay, file: ${file}, model: bot-1 }`,
      `prompt: { system: "${system}", messages: [{ role: user, content: "{{ ticket }}" }] }`,
    ].join('\n');
  await writeFile(join(folder, 'first.yaml'), release('good.jsonl', 'Be kind.'));
  await writeFile(join(folder, 'second.yaml'), release('good.jsonl', 'Be kind and brief.'));
  await writeFile(join(folder, 'third.yaml'), release('bad.jsonl', 'Be kind and brief.'));

  const store = await openLedger(db, { create: true });
  let now = START;
  const work: Workplace = {
    store,
    clock: { now: () => new Date(now++) },
    rng: new Mt19937(11),
    env: () => undefined,
    mask: secretMask([]),
    progress: { warn() {}, step() {} },
    prices: null,
    environment: { lastgood: '0.1.0', node: '24.0.0', platform: 'linux-x64' },
    signal: new AbortController().signal,
    hardSignal: new AbortController().signal,
  };
  const suite = await loadSuite(join(folder, 'suite.yaml'));
  const nights: SnapshotSummary[] = [];
  for (let night = 1; night <= NIGHTS; night++) {
    now = START + (night - 1) * DAY_MS;
    const file = night < 4 ? 'first.yaml' : night < FIRST_BAD_NIGHT ? 'second.yaml' : 'third.yaml';
    const assignment = { suite, release: await loadRelease(join(folder, file)), judge: null, embedder: null };
    nights.push((await runSuite(work, assignment)).summary);
  }
  return {
    folder,
    db,
    work,
    store,
    nights,
    at: (night) => nights[night - 1]?.startedAt ?? '',
  };
}

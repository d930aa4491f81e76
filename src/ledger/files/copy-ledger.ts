// Copies the snapshots of a ledger into another one, of whatever database, each verified by the bytes of its export; and what is said of them.

import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, type JsonObject, sha256Stream } from '../../base/json.ts';
import type { CaseExam } from '../../core/exam.ts';
import type { GradedTrial, SnapshotStore, SnapshotSummary } from '../../core/snapshot.ts';
import type { KeptVerdict, LedgerExtras } from '../model/ledger-extras.ts';
import { endedSnapshot, exportSnapshot } from './export.ts';

export interface SnapshotsReport {
  /** Snapshots that were copied, and those that were there already with the same content. */
  readonly copied: number;
  readonly there: number;
  /** Snapshots whose runs have not ended: they stay where they are. */
  readonly running: readonly string[];
  readonly trials: number;
  readonly vectors: number;
  readonly blessings: number;
  readonly records: number;
  readonly verdicts: number;
}

const TRIALS_AT_ONCE = 500;
const VECTORS_AT_ONCE = 500;
const VERDICTS_AT_ONCE = 100;

/**
 * Copies everything that a ledger's port knows. A copy that was cut short goes on where it stopped. Throws `SNAPSHOT_DIFFERS` where the
 * target has another snapshot of the same id, and `COPY_DIFFERS` where a copy is not what it was made from.
 */
export async function copyLedger(
  from: SnapshotStore,
  extras: LedgerExtras,
  to: SnapshotStore,
  tell: (done: number, all: number) => void,
): Promise<SnapshotsReport> {
  const all = [...(await from.list())].reverse();
  const there = new Map((await to.list()).map((s) => [s.id, s]));
  const sums = { copied: 0, there: 0, trials: 0, vectors: 0 };
  const running: string[] = [];
  for (const [i, summary] of all.entries()) {
    tell(i, all.length);
    if (summary.state === 'running') {
      running.push(summary.id);
      continue;
    }
    const known = there.get(summary.id);
    if (known !== undefined && known.state !== 'running') {
      await mustBeSame(from, to, summary, known);
      sums.there++;
    } else {
      sums.trials += await copySnapshot(from, to, summary, known !== undefined);
      sums.copied++;
    }
    sums.vectors += await copyVectors(from, to, summary.id);
  }
  tell(all.length, all.length);
  return {
    ...sums,
    running,
    blessings: await copyBlessings(from, to),
    records: await copyRecords(from, extras, to),
    verdicts: await copyVerdicts(extras, to),
  };
}

async function mustBeSame(
  from: SnapshotStore,
  to: SnapshotStore,
  summary: SnapshotSummary,
  known: SnapshotSummary,
): Promise<void> {
  const same =
    (known.imported === true) === (summary.imported === true) &&
    (await exportHash(from, summary.id)) === (await exportHash(to, summary.id));
  if (same) return;
  throw new LastgoodError({
    code: 'SNAPSHOT_DIFFERS',
    message: `The target already has a snapshot ${summary.id}, and it is not the one that is to be copied.`,
    hint: 'copy into another ledger; `lastgood export` of both shows what differs',
  });
}

/** Trials that were written. */
async function copySnapshot(
  from: SnapshotStore,
  to: SnapshotStore,
  summary: SnapshotSummary,
  begun: boolean,
): Promise<number> {
  const { id } = summary;
  if (!begun) await begin(from, to, summary);
  // What an earlier copy wrote before it was cut short.
  const done = await to.doneTrials(id);
  let written = 0;
  let batch: GradedTrial[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await to.append(id, batch);
    written += batch.length;
    batch = [];
  };
  for await (const row of from.trials(id)) {
    if (done.get(row.trial.caseId)?.has(row.trial.trial)) continue;
    batch.push(row);
    if (batch.length >= TRIALS_AT_ONCE) await flush();
  }
  await flush();
  const { finishedAt, state, validity, validityReasons, findings, plannedTrialsPerCase } =
    endedSnapshot(summary);
  await to.finish(id, { finishedAt, state, validity, validityReasons, findings, plannedTrialsPerCase });
  if ((await exportHash(from, id)) !== (await exportHash(to, id)))
    throw new LastgoodError({
      code: 'COPY_DIFFERS',
      message: `The copy of snapshot ${id} is not what it was made from; nothing of the source was changed.`,
      hint: 'check the source with `lastgood db check`, and copy into a new ledger',
      exitCode: 4,
    });
  return written;
}

async function begin(from: SnapshotStore, to: SnapshotStore, summary: SnapshotSummary): Promise<void> {
  const { id, purpose, exam, plannedTrials, startedAt, seed, labels, environment, imported } = summary;
  const exams = new Map<string, CaseExam>();
  for await (const examined of from.examinedCases(id)) exams.set(examined.case.id, examined.exam);
  await to.begin({
    ...{ id, purpose, exam, plannedTrials, startedAt, seed, labels, environment, imported },
    suite: await from.suiteOf(id),
    release: await from.releaseOf(id),
    judge: summary.judge === null ? null : await from.releaseOf(id, 'judge'),
    embedder: summary.embedder === null ? null : await from.releaseOf(id, 'embedder'),
    caseExam: (c) => exams.get(c.id) as CaseExam,
  });
}

/** Of everything that an export says, but for its blessings, which are copied last. */
async function exportHash(store: SnapshotStore, id: string): Promise<string> {
  const hash = sha256Stream();
  for await (const line of exportSnapshot(store, id))
    if (!line.includes('"kind":"blessing"') || JSON.parse(line).kind !== 'blessing') hash.add(`${line}\n`);
  return hash.hex();
}

async function copyVectors(from: SnapshotStore, to: SnapshotStore, id: string): Promise<number> {
  const there = new Map((await to.vectorCounts(id)).map((v) => [v.embedder, v.trials]));
  let copied = 0;
  for (const { embedder, trials } of await from.vectorCounts(id)) {
    if (there.get(embedder) === trials) continue;
    let batch = new Map<string, Float32Array>();
    for await (const [output, vector] of from.vectors(id, embedder)) {
      batch.set(output, vector);
      copied++;
      if (batch.size < VECTORS_AT_ONCE) continue;
      await to.keepVectors(embedder, batch);
      batch = new Map();
    }
    if (batch.size > 0) await to.keepVectors(embedder, batch);
  }
  return copied;
}

/** What the target does not have yet, counted: a log may say the same twice. */
function missing<T>(all: readonly T[], there: readonly T[]): T[] {
  const text = (item: T): string => canonicalJson(item as unknown as JsonObject);
  const counts = new Map<string, number>();
  for (const item of there) counts.set(text(item), (counts.get(text(item)) ?? 0) + 1);
  return all.filter((item) => {
    const left = counts.get(text(item)) ?? 0;
    counts.set(text(item), left - 1);
    return left <= 0;
  });
}

async function copyBlessings(from: SnapshotStore, to: SnapshotStore): Promise<number> {
  const own = missing(await from.blessings(), await to.blessings());
  for (const blessing of own) await to.bless(blessing);
  const imported = missing(await from.importedBlessings(), await to.importedBlessings());
  await to.keepImportedBlessings(imported);
  return own.length + imported.length;
}

async function copyRecords(from: SnapshotStore, extras: LedgerExtras, to: SnapshotStore): Promise<number> {
  let copied = 0;
  for (const kind of await extras.recordKinds()) {
    const records = missing(await from.records(kind), await to.records(kind));
    for (const record of records) await to.keepRecord(record);
    copied += records.length;
  }
  return copied;
}

async function copyVerdicts(extras: LedgerExtras, to: SnapshotStore): Promise<number> {
  let copied = 0;
  let batch: KeptVerdict[] = [];
  const flush = async (): Promise<void> => {
    await Promise.all(batch.map(({ key, verdict, at }) => to.keepVerdict(key, verdict, at)));
    copied += batch.length;
    batch = [];
  };
  for await (const verdict of extras.verdicts()) {
    batch.push(verdict);
    if (batch.length >= VERDICTS_AT_ONCE) await flush();
  }
  await flush();
  return copied;
}

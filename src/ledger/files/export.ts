// A snapshot as lines of text: the same snapshot always gives the same bytes, so that it can be kept in git and compared.

import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, type JsonObject, type JsonValue, sha256 } from '../../base/json.ts';
import { ExamHasher } from '../../core/exam.ts';
import type { Release } from '../../core/release.ts';
import type {
  GradedTrial,
  ImportedBlessing,
  SnapshotStore,
  SnapshotSummary,
  StoredTrial,
} from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { caseContentHash, gradersHash, SuiteHasher } from '../../core/suite-hash.ts';
import {
  type Places,
  placedGraders,
  placedHeader,
  placedRelease,
  placelessClosing,
  placelessTrial,
  placesOf,
  sharedRelease,
} from '../model/portable-paths.ts';
import type { ProjectFolder } from '../model/project-folder.ts';
import { liftTexts, wellFormed } from '../model/share-long-texts.ts';
import { EXPORT_VERSION } from './export-format.ts';

/**
 * The snapshot's lines, each without its line feed; with places relative to the project's folder.
 * Throws `SNAPSHOT_RUNNING` for one that has not ended, and `LEDGER_CORRUPT` for one that is not what it was closed as.
 */
export async function* exportSnapshot(
  store: SnapshotStore,
  snapshotId: string,
  project?: ProjectFolder,
): AsyncIterable<string> {
  const places = placesOf(project);
  const { cases: _cases, ...suite } = await store.suiteOf(snapshotId);
  const summary = await store.resolve(snapshotId, { now: new Date(0) });
  const head = await header(store, summary, suite, places);
  await store.verify(snapshotId);
  yield line(head);
  for (const { snapshot: _snapshot, ...said } of await blessingsOf(store, summary))
    yield line({ kind: 'blessing', ...said });
  // Of a large snapshot only the ids are held.
  const ids: string[] = [];
  const [suiteHasher, examHasher] = [new SuiteHasher(), new ExamHasher()];
  for await (const { position, case: c, exam } of store.examinedCases(snapshotId)) {
    ids.push(c.id);
    suiteHasher.add(c);
    examHasher.add(c.id, exam);
    const altered = alteredParts(c);
    yield line({
      kind: 'case',
      position,
      case: placedCase(c, places),
      exam,
      ...(altered.length === 0 ? {} : { altered }),
    });
  }
  const written = new Set<string>();
  let trials = 0;
  for (const id of ids) {
    for await (const stored of store.trials(snapshotId, id)) {
      trials++;
      yield* trialLines(placelessTrial(stored, places.text), written);
    }
  }
  const altered = [
    ...(suiteHasher.hex(suite) === suite.hash ? [] : ['suite']),
    ...(examHasher.hex(summary.judge) === summary.exam ? [] : ['exam']),
  ];
  yield line({ kind: 'end', cases: ids.length, trials, ...(altered.length === 0 ? {} : { altered }) });
}

/** The blessings given here and those that came with it, each once, by time. */
async function blessingsOf(
  store: SnapshotStore,
  { id, suite, fingerprint }: SnapshotSummary,
): Promise<ImportedBlessing[]> {
  const own = (await store.blessings(suite)).map((b): ImportedBlessing => ({ ...b, fingerprint }));
  const all = [...own, ...(await store.importedBlessings(suite))].filter((b) => b.snapshot === id);
  const said = new Map(all.map((b) => [canonicalJson([b.at, b.by, b.why]), b]));
  return [...said].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, b]) => b);
}

/** What of a stored case does not have the hash it is known by: it was redacted, not stored or forgotten. */
function alteredParts(c: Case): ('content' | 'graders')[] {
  return [
    ...(caseContentHash(c) === c.contentHash ? [] : (['content'] as const)),
    ...(gradersHash(c.graders) === c.gradersHash ? [] : (['graders'] as const)),
  ];
}

/** The snapshot, its run over. Throws `SNAPSHOT_RUNNING` for one that has not ended. */
export function endedSnapshot(summary: SnapshotSummary): EndedSnapshot {
  const { id, state, finishedAt } = summary;
  if (state !== 'running' && finishedAt !== null) return { ...summary, state, finishedAt };
  throw new LastgoodError({
    code: 'SNAPSHOT_RUNNING',
    message: `Snapshot ${id} is still running, or its run was killed; only a finished or interrupted one can be exported.`,
    hint: `wait for the run, or resume it with \`lastgood run … --resume ${id}\``,
  });
}

type EndedSnapshot = SnapshotSummary & {
  readonly state: 'finished' | 'interrupted';
  readonly finishedAt: string;
};

async function header(
  store: SnapshotStore,
  summary: SnapshotSummary,
  suite: Omit<Suite, 'cases'>,
  places: Places,
): Promise<object> {
  const { id, purpose, startedAt, plannedTrials, seed, labels, environment, exam, state, finishedAt } =
    endedSnapshot(summary);
  const { validity, validityReasons, findings, plannedTrialsPerCase } = summary;
  const releaseOf = async (role?: 'judge' | 'embedder'): Promise<Release | null> =>
    role !== undefined && summary[role] === null
      ? null
      : placedRelease(sharedRelease(await store.releaseOf(id, role)), places.kept);
  return {
    kind: 'snapshot',
    schemaVersion: EXPORT_VERSION,
    ...{ id, purpose, startedAt, plannedTrials, seed, labels, environment, exam },
    suite: placedHeader(suite, places.kept),
    release: await releaseOf(),
    judge: await releaseOf('judge'),
    embedder: await releaseOf('embedder'),
    closing: placelessClosing(
      { finishedAt, state, validity, validityReasons, findings, plannedTrialsPerCase },
      places.text,
    ),
  };
}

function placedCase(c: Case, { kept }: Places): Case {
  const { file } = c.where;
  return {
    ...c,
    graders: placedGraders(c.graders, kept),
    where: file === undefined ? c.where : { ...c.where, file: kept(file) },
  };
}

function* trialLines(stored: StoredTrial | GradedTrial, written: Set<string>): Iterable<string> {
  const { trial, measures, grades } = stored;
  const sent = trial.sent === null ? null : liftTexts(trial.sent);
  const texts = (sent?.texts ?? []).map((text) => ({ sha: sha256(text), text }));
  for (const { sha, text } of texts) {
    if (written.has(sha)) continue;
    written.add(sha);
    yield line({ kind: 'text', sha256: sha, text });
  }
  yield line({
    kind: 'trial',
    trial: { ...trial, sent: sent === null ? null : JSON.parse(sent.shape) },
    texts: texts.map(({ sha }) => sha),
    measures,
    grades,
    judgeCostUsd: 'judgeCostUsd' in stored ? stored.judgeCostUsd : null,
  });
}

function line(value: object): string {
  return canonicalJson(wellFormed(value as JsonObject as JsonValue));
}

// A snapshot as lines of text: the same snapshot always gives the same bytes, so that it can be kept in git and compared.

import { LastgoodError } from '../core/errors.ts';
import { canonicalJson, type JsonObject, type JsonValue, sha256 } from '../core/json.ts';
import type { Release } from '../core/release.ts';
import type { GradedTrial, SnapshotStore, SnapshotSummary, StoredTrial } from '../core/snapshot.ts';
import type { Case, Suite } from '../core/suite.ts';
import { EXPORT_VERSION } from './export-format.ts';
import { liftTexts, wellFormed } from './lifting.ts';
import {
  type Places,
  type ProjectFolder,
  placedGraders,
  placedHeader,
  placedRelease,
  placelessClosing,
  placelessTrial,
  placesOf,
} from './places.ts';

/**
 * The snapshot's lines, each without its line feed; with places told from the project's folder.
 * Throws `SNAPSHOT_RUNNING` for one that has not ended.
 */
export async function* exportSnapshot(
  store: SnapshotStore,
  snapshotId: string,
  project?: ProjectFolder,
): AsyncIterable<string> {
  const places = placesOf(project);
  const { cases: _cases, ...suite } = await store.suiteOf(snapshotId);
  const summary = await store.resolve(snapshotId, { now: new Date(0) });
  yield line(await header(store, summary, suite, places));
  // Of a large snapshot only the ids are held.
  const ids: string[] = [];
  for await (const { position, case: c, exam } of store.examinedCases(snapshotId)) {
    ids.push(c.id);
    yield line({ kind: 'case', position, case: placedCase(c, places), exam });
  }
  const written = new Set<string>();
  let trials = 0;
  for (const id of ids) {
    for await (const stored of store.trials(snapshotId, id)) {
      trials++;
      yield* trialLines(placelessTrial(stored, places.text), written);
    }
  }
  yield line({ kind: 'end', cases: ids.length, trials });
}

async function header(
  store: SnapshotStore,
  summary: SnapshotSummary,
  suite: Omit<Suite, 'cases'>,
  places: Places,
): Promise<object> {
  const { id, purpose, startedAt, plannedTrials, seed, labels, environment, exam, state, finishedAt } =
    summary;
  if (state === 'running' || finishedAt === null) {
    throw new LastgoodError({
      code: 'SNAPSHOT_RUNNING',
      message: `Snapshot ${id} is still running, or its run was killed; only a finished or interrupted one can be exported.`,
      hint: `wait for the run, or resume it with \`lastgood run … --resume ${id}\``,
    });
  }
  const { validity, validityReasons, findings, plannedTrialsPerCase } = summary;
  const releaseOf = async (role?: 'judge' | 'embedder'): Promise<Release | null> =>
    role !== undefined && summary[role] === null
      ? null
      : placedRelease(await store.releaseOf(id, role), places.kept);
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

// Reading an exported snapshot into a ledger: checked as a whole before anything is written, and harmless when it is there already.

import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, type JsonObject } from '../../base/json.ts';
import type { Release } from '../../core/release.ts';
import type { GradedTrial, SnapshotClosing, SnapshotStore, SnapshotSummary } from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
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
import { wellFormed } from '../model/share-long-texts.ts';
import { exportSnapshot } from './export.ts';
import type { ExportLine } from './export-format.ts';
import { type ExaminedLine, ExportFile } from './import-file.ts';
import { wasRemoved } from './import-line.ts';

/** Trials per transaction. */
const BATCH = 500;

/** What else a file must stand up to before anything of it is written, e.g. that its grades come out again. Rejects where it does not. */
export type ImportCheck = (
  file: Pick<ExportFile, 'header'> & { examined(): Iterable<ExaminedLine> },
) => Promise<void>;

/**
 * Puts an exported snapshot into the store under its own id and times, and gives back its summary. One that is there already with the
 * same content is left alone; with other content it is refused with `SNAPSHOT_DIFFERS`. A file that is damaged, cut off or of a newer
 * format, or that does not have the hashes it states, is refused with `IMPORT_INVALID` before anything is written. What comes out of a
 * file is marked `imported`; its blessings are kept as what a person said elsewhere.
 */
export async function importSnapshot(
  store: SnapshotStore,
  lines: AsyncIterable<string> | Iterable<string>,
  project?: ProjectFolder,
  check?: ImportCheck,
): Promise<SnapshotSummary> {
  const file = await ExportFile.read(lines);
  const { id } = file.header;
  const existing = (await store.list()).find((s) => s.id === id);
  if (existing !== undefined && existing.state !== 'running') {
    await mustBeSame(store, id, file, project);
    await store.keepImportedBlessings(file.blessings());
    return existing;
  }
  await check?.(file);
  if (existing === undefined) await store.begin(file.snapshot());
  else await mustBeUnfinishedImport(store, existing, file, placesOf(project));
  const done = await store.doneTrials(id);
  let batch: GradedTrial[] = [];
  for (const row of file.trials()) {
    if (done.get(row.trial.caseId)?.has(row.trial.trial)) continue;
    batch.push(row);
    if (batch.length < BATCH) continue;
    await store.append(id, batch);
    batch = [];
  }
  if (batch.length > 0) await store.append(id, batch);
  const summary = await store.finish(id, file.header.closing as SnapshotClosing);
  await store.keepImportedBlessings(file.blessings());
  return summary;
}

async function mustBeSame(
  store: SnapshotStore,
  id: string,
  file: ExportFile,
  project: ProjectFolder | undefined,
): Promise<void> {
  const places = placesOf(project);
  const lines = file.lines();
  let n = 0;
  for await (const stored of exportSnapshot(store, id, project)) {
    if (stored.includes('"kind":"blessing"') && JSON.parse(stored).kind === 'blessing') continue;
    n++;
    const { value: incoming } = lines.next();
    if (incoming === stored) continue;
    if (incoming === undefined || !sameLine(incoming, stored, places))
      throw differs(id, `line ${n} is another`);
  }
  if (lines.next().done !== true)
    throw differs(id, `the file has more than the ${n} lines of the ledger's export`);
}

function sameLine(incoming: string, stored: string, places: Places): boolean {
  const old = JSON.parse(incoming) as ExportLine;
  const here = JSON.parse(stored) as ExportLine;
  if (old.kind === 'trial' && here.kind === 'trial' && wasRemoved(old) && here.trial.status === 'answered')
    delete here.trial.removedOutputHash;
  return withoutPlaces(old, places) === withoutPlaces(here, places);
}

/** A line without what tells where its files lie: that is no content, and older exports say it from the root of their machine. */
function withoutPlaces(value: ExportLine, places: Places): string {
  const place = (): string => '';
  let bare: unknown = value;
  if (value.kind === 'snapshot')
    bare = {
      ...value,
      schemaVersion: 0,
      suite: placedHeader(value.suite as unknown as Suite, place),
      closing: placelessClosing(value.closing as SnapshotClosing, places.text),
      ...Object.fromEntries(
        (['release', 'judge', 'embedder'] as const).map((role) => {
          const release = value[role] as unknown as Release | null;
          return [role, release === null ? null : placedRelease(sharedRelease(release), place)];
        }),
      ),
    };
  if (value.kind === 'case') {
    const { graders, where } = value.case as unknown as Case;
    bare = {
      ...value,
      case: { ...value.case, graders: placedGraders(graders, place), where: { ...where, file: undefined } },
    };
  }
  if (value.kind === 'trial') bare = placelessTrial(value as unknown as GradedTrial, places.text);
  return canonicalJson(wellFormed(bare as JsonObject));
}

/** A running snapshot of this id is an import that was cut short, if everything it has is in the file too. */
async function mustBeUnfinishedImport(
  store: SnapshotStore,
  existing: SnapshotSummary,
  file: ExportFile,
  places: Places,
): Promise<void> {
  const { header } = file;
  const same =
    existing.imported &&
    existing.suiteHash === header.suite.hash &&
    existing.fingerprint === header.release.fingerprint &&
    existing.exam === header.exam &&
    existing.startedAt === header.startedAt &&
    existing.seed === header.seed;
  if (!same)
    throw differs(
      existing.id,
      'it is a running one that was not imported, or of another suite, release or start',
    );
  const unseen = new Map(
    [...(await store.doneTrials(existing.id))].map(([c, trials]) => [c, new Set(trials)]),
  );
  let caseOf: string | null = null;
  let here: ReadonlyMap<number, string> = new Map();
  for (const row of file.trials()) {
    const { caseId, trial } = row.trial;
    if (unseen.get(caseId)?.delete(trial) !== true) continue;
    // The trials of a case stand together, as a rule.
    if (caseOf !== caseId) here = await rowsOf(store, existing.id, caseId);
    caseOf = caseId;
    if (here.get(trial) !== rowText(placelessTrial(row, places.text)))
      throw differs(existing.id, `trial ${trial} of case "${caseId}" is another`);
  }
  for (const [caseId, trials] of unseen)
    for (const trial of trials)
      throw differs(existing.id, `trial ${trial} of case "${caseId}" is not in the file`);
}

async function rowsOf(
  store: SnapshotStore,
  id: string,
  caseId: string,
): Promise<ReadonlyMap<number, string>> {
  const rows = new Map<number, string>();
  for await (const row of store.trials(id, caseId)) rows.set(row.trial.trial, rowText(row));
  return rows;
}

function rowText({ trial, measures, grades }: GradedTrial): string {
  return canonicalJson({ trial, measures, grades } as unknown as JsonObject);
}

function differs(id: string, how: string): LastgoodError {
  return new LastgoodError({
    code: 'SNAPSHOT_DIFFERS',
    message: `The ledger already has a snapshot ${id}, and it is not the one in the file: ${how}.`,
    hint: 'snapshots never change, so one of the two was edited; import the file into a new ledger to compare them',
  });
}

// Reading an exported snapshot into a ledger: checked as a whole before anything is written, and harmless when it is there already.

import { z } from 'zod';
import { LastgoodError } from '../core/errors.ts';
import type { CaseExam } from '../core/exam.ts';
import { canonicalJson, type JsonObject, type JsonValue, sha256 } from '../core/json.ts';
import { fingerprintLayers, type Release } from '../core/release.ts';
import type {
  GradedTrial,
  NewSnapshot,
  SnapshotClosing,
  SnapshotStore,
  SnapshotSummary,
} from '../core/snapshot.ts';
import type { Case, Suite } from '../core/suite.ts';
import { codePointLength } from '../core/text.ts';
import type { Trial } from '../core/trial.ts';
import { FORGOTTEN, REMOVED_TEXT } from './content.ts';
import { exportSnapshot } from './export.ts';
import {
  type CaseLine,
  EXPORT_VERSION,
  type ExportLine,
  exportLine,
  type SnapshotLine,
  type TrialLine,
} from './export-format.ts';
import { restoreTexts, wellFormed } from './lifting.ts';
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

/** Trials per transaction. */
const BATCH = 500;

/**
 * Puts an exported snapshot into the store under its own id and times, and gives back its summary. One that is there already with the
 * same content is left alone; with other content it is refused with `SNAPSHOT_DIFFERS`. A file that is damaged, cut off or of a newer
 * format is refused with `IMPORT_INVALID` before anything is written.
 */
export async function importSnapshot(
  store: SnapshotStore,
  lines: AsyncIterable<string> | Iterable<string>,
  project?: ProjectFolder,
): Promise<SnapshotSummary> {
  const { texts, file } = await readFile(lines);
  const { id } = file.header;
  const existing = (await store.list()).find((s) => s.id === id);
  if (existing !== undefined && existing.state !== 'running') {
    await mustBeSame(store, id, texts, project);
    return existing;
  }
  if (existing === undefined) await store.begin(newSnapshot(file));
  else await mustBeUnfinishedImport(store, existing, file, placesOf(project));
  const done = await store.doneTrials(id);
  const missing = file.trials.filter(({ trial }) => !done.get(trial.caseId)?.has(trial.trial));
  for (let i = 0; i < missing.length; i += BATCH) await store.append(id, missing.slice(i, i + BATCH));
  return store.finish(id, file.header.closing as SnapshotClosing);
}

interface ExportFile {
  readonly header: SnapshotLine;
  readonly cases: readonly CaseLine[];
  readonly trials: readonly GradedTrial[];
}

/** All of it in memory: only the last line tells whether the file is whole. */
async function readFile(
  source: AsyncIterable<string> | Iterable<string>,
): Promise<{ readonly texts: readonly string[]; readonly file: ExportFile }> {
  const kept: string[] = [];
  const texts = new Map<string, string>();
  const cases: CaseLine[] = [];
  const trials: GradedTrial[] = [];
  let header: SnapshotLine | null = null;
  let ended = false;
  let number = 0;
  for await (const raw of source) {
    number++;
    const text = raw.replace(/\r?\n?$/, '');
    if (text === '') continue;
    const value = parseLine(text, number);
    kept.push(text);
    if (ended) throw invalid('there is something after the end line', number);
    if ((header === null) !== (value.kind === 'snapshot'))
      throw invalid(
        header === null ? 'the first line must be the snapshot' : 'a second snapshot begins',
        number,
      );
    switch (value.kind) {
      case 'snapshot':
        for (const release of [value.release, value.judge, value.embedder]) {
          if (release !== null) checkFingerprint(release as unknown as Release, number);
        }
        header = value;
        break;
      case 'case':
        cases.push(value);
        break;
      case 'text':
        if (sha256(value.text) !== value.sha256)
          throw invalid('the text does not have the hash it is filed under', number);
        texts.set(value.sha256, value.text);
        break;
      case 'trial':
        trials.push(gradedTrial(value, texts, number));
        break;
      case 'end':
        if (value.cases !== cases.length || value.trials !== trials.length)
          throw invalid(
            `it has ${cases.length} cases and ${trials.length} trials, its end line says ${value.cases} and ${value.trials}`,
            number,
          );
        ended = true;
        break;
    }
  }
  if (header === null || !ended) throw invalid('the end line is missing: the file is cut off', number);
  const file = { header, cases, trials };
  checkWhole(file);
  return { texts: kept, file };
}

function parseLine(text: string, number: number): ExportLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`the line is no JSON (${(error as Error).message})`, number);
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > EXPORT_VERSION)
    throw invalid(`its format is version ${version}, this lastgood reads up to ${EXPORT_VERSION}`, number);
  const checked = exportLine.safeParse(value);
  if (!checked.success) throw invalid(`\n${z.prettifyError(checked.error)}`, number);
  return checked.data;
}

/** A release whose content was changed after the run would carry a fingerprint it does not have. */
function checkFingerprint(release: Release, number: number): void {
  const { fingerprint, layerHashes } = fingerprintLayers(release.layers);
  const same = canonicalJson(layerHashes as JsonObject) === canonicalJson(release.layerHashes as JsonObject);
  // A text that was forgotten is gone from the layers, too; the fingerprint still names what ran.
  if ((fingerprint !== release.fingerprint || !same) && !wasForgotten(release))
    throw invalid(`the layers of release "${release.name}" do not have the fingerprint it states`, number);
}

function wasForgotten(release: Release): boolean {
  const layers = JSON.stringify(release.layers);
  return layers.includes(REMOVED_TEXT) || layers.includes(FORGOTTEN);
}

function checkWhole({ header, cases, trials }: ExportFile): void {
  const ids = new Set(cases.map((c) => c.case.id));
  const positions = new Set(cases.map((c) => c.position));
  if (ids.size !== cases.length) throw invalid('two cases have one id');
  if (positions.size !== cases.length || cases.some((c) => c.position >= cases.length))
    throw invalid('the positions of the cases are not 0, 1, 2, …');
  const seen = new Set<string>();
  for (const { trial } of trials) {
    if (!ids.has(trial.caseId))
      throw invalid(`trial ${trial.trial} is of case "${trial.caseId}", which is not there`);
    const key = `${trial.trial} ${trial.caseId}`;
    if (seen.has(key)) throw invalid(`trial ${trial.trial} of case "${trial.caseId}" is there twice`);
    seen.add(key);
  }
  if (header.plannedTrials < 0) throw invalid('the planned trials are negative');
}

function gradedTrial(value: TrialLine, texts: ReadonlyMap<string, string>, number: number): GradedTrial {
  const { trial, measures, grades, judgeCostUsd } = value;
  const found = value.texts.map((sha) => {
    const text = texts.get(sha);
    if (text === undefined) throw invalid(`the text ${sha} it refers to is not there`, number);
    return text;
  });
  let sent: JsonValue = null;
  try {
    sent = trial.sent === null ? null : restoreTexts({ shape: JSON.stringify(trial.sent), texts: found });
  } catch (error) {
    throw invalid((error as Error).message, number);
  }
  const whole = { ...trial, sent } as Trial;
  return {
    trial: wasRemoved(value) ? { ...whole, ...REMOVED } : whole,
    measures,
    grades,
    judgeCostUsd,
  } as GradedTrial;
}

/** What stands in the place of a removed answer, and where its hash is not known, that of what stands there. */
const REMOVED = {
  removedOutputHash: sha256(canonicalJson({ text: REMOVED_TEXT, toolCalls: [] })),
};

/** Exports made before removed answers had a mark of their own: no answer is as long as the one that was measured and says this. */
function wasRemoved({ trial, measures }: Pick<TrialLine, 'trial' | 'measures'>): boolean {
  return (
    trial.status === 'answered' &&
    trial.removedOutputHash === undefined &&
    trial.output.text === REMOVED_TEXT &&
    measures.length !== codePointLength(REMOVED_TEXT)
  );
}

function newSnapshot({ header, cases }: ExportFile): NewSnapshot {
  const ordered = [...cases].sort((a, b) => a.position - b.position);
  const exams = new Map(cases.map(({ case: c, exam }) => [c.id, exam as CaseExam]));
  return {
    id: header.id,
    purpose: header.purpose,
    suite: {
      ...header.suite,
      cases: ordered.map(({ case: c }) => ({ ...c, expected: c.expected }) as unknown as Case),
    } as Suite,
    release: header.release as unknown as Release,
    judge: header.judge as unknown as Release | null,
    embedder: header.embedder as unknown as Release | null,
    exam: header.exam,
    caseExam: (c) => exams.get(c.id) as CaseExam,
    plannedTrials: header.plannedTrials,
    startedAt: header.startedAt,
    seed: header.seed,
    labels: header.labels,
    environment: header.environment,
  };
}

async function mustBeSame(
  store: SnapshotStore,
  id: string,
  texts: readonly string[],
  project: ProjectFolder | undefined,
): Promise<void> {
  const places = placesOf(project);
  let n = 0;
  for await (const stored of exportSnapshot(store, id, project)) {
    const incoming = texts[n++];
    if (incoming === stored) continue;
    if (incoming === undefined || !sameLine(incoming, stored, places))
      throw differs(id, `line ${n} is another`);
  }
  if (n !== texts.length) throw differs(id, `the file has ${texts.length} lines, the ledger's export ${n}`);
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
      suite: placedHeader(value.suite as unknown as Suite, place),
      closing: placelessClosing(value.closing as SnapshotClosing, places.text),
      ...Object.fromEntries(
        (['release', 'judge', 'embedder'] as const).map((role) => {
          const release = value[role] as unknown as Release | null;
          return [role, release === null ? null : placedRelease(release, place)];
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
    existing.suiteHash === header.suite.hash &&
    existing.fingerprint === header.release.fingerprint &&
    existing.exam === header.exam &&
    existing.startedAt === header.startedAt &&
    existing.seed === header.seed;
  if (!same) throw differs(existing.id, 'it is a running one, of another suite, release or start');
  const incoming = new Map(
    file.trials.map((t) => [`${t.trial.trial} ${t.trial.caseId}`, placelessTrial(t, places.text)]),
  );
  for await (const { trial, measures, grades } of store.trials(existing.id)) {
    const other = incoming.get(`${trial.trial} ${trial.caseId}`);
    const here = canonicalJson({ trial, measures, grades } as unknown as JsonObject);
    if (
      other === undefined ||
      canonicalJson({
        trial: other.trial,
        measures: other.measures,
        grades: other.grades,
      } as unknown as JsonObject) !== here
    )
      throw differs(existing.id, `trial ${trial.trial} of case "${trial.caseId}" is another`);
  }
}

function differs(id: string, how: string): LastgoodError {
  return new LastgoodError({
    code: 'SNAPSHOT_DIFFERS',
    message: `The ledger already has a snapshot ${id}, and it is not the one in the file: ${how}.`,
    hint: 'snapshots never change, so one of the two was edited; import the file into a new ledger to compare them',
  });
}

function invalid(why: string, line?: number): LastgoodError {
  return new LastgoodError({
    code: 'IMPORT_INVALID',
    message: `This is no whole exported snapshot: ${why}.`,
    hint: 'export it again with `lastgood export`; nothing was imported',
    where: { line },
  });
}

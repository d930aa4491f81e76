// The runs of one night: made now, or continued where an earlier command left the night with open batches.

import { BATCH_LABEL, BATCH_TIER, examFingerprint, type SnapshotSummary } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { type RunResult, type RunSettings, resumeRun, runSuite } from '../../engine/arms/run-suite.ts';
import { addSpent, NOTHING_RUN, NOTHING_SPENT, type Spent } from '../../engine/arms/spending.ts';
import { withVotes } from '../../engine/examiners/judge-examiners.ts';
import type { NightRecord } from '../../engine/records/night-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** What a run is for: the night itself, a second run of it, or fresh trials of some cases. The label `nightly` of its snapshot. */
export type NightStep = 'night' | 'rerun' | 'cases';

/** Snapshots of a night that was left with open batches. */
export interface OpenNight {
  readonly night: SnapshotSummary;
  /** Its second run and its fresh trials, oldest first. */
  readonly later: readonly SnapshotSummary[];
}

/** Labels under which a batched night is found again. */
const SERIES = 'series';
const CONFIRMS = 'confirms';

/** Services keep results for 29 days. */
const KEPT_MS = 28 * 86_400_000;

/** The newest night in batches of a series, where no command has seen its end. What is asked now must be what it was begun with. */
export async function findOpenNight(
  work: Workplace,
  assignment: Assignment,
  about: {
    readonly series: string;
    readonly records: readonly NightRecord[];
    readonly judgeVotes: number | undefined;
  },
): Promise<OpenNight | null> {
  const { store, clock } = work;
  const { release, suite } = assignment;
  const all = await store.list({ suite: suite.name });
  const night = all.find(
    ({ labels }) =>
      labels['nightly'] === 'night' && labels[BATCH_LABEL] === BATCH_TIER && labels[SERIES] === about.series,
  );
  if (night === undefined || clock.now().getTime() - Date.parse(night.startedAt) > KEPT_MS) return null;
  const record = about.records.find(({ snapshot }) => snapshot === night.id);
  if (record !== undefined && record.waits !== true) return null;
  const judge = withVotes(assignment.judge, about.judgeVotes)?.fingerprint ?? null;
  const exam = examFingerprint(suite, { judge, embedder: assignment.embedder?.fingerprint ?? null });
  if (night.fingerprint !== release.fingerprint || night.suiteHash !== suite.hash || night.exam !== exam) {
    work.progress.warn({
      code: 'NIGHT_BATCH_OTHER',
      message: `the night of ${night.startedAt} (${night.id}) still waits for its batch, but its release, cases or exam differ from today's; a new night begins`,
      hint: `\`lastgood run --resume ${night.id}\` fetches its answers, or cancels its batch with Ctrl-C`,
    });
    return null;
  }
  const later = all.filter(({ labels }) => labels[CONFIRMS] === night.id && labels['nightly'] !== undefined);
  return { night, later: later.reverse() };
}

export class NightRuns {
  spent: Spent = NOTHING_SPENT;
  readonly #work: Workplace;
  readonly #settings: RunSettings;
  readonly #series: string;
  readonly #open: SnapshotSummary[];
  #night: string | null = null;

  constructor(work: Workplace, settings: RunSettings, series: string, open: OpenNight | null) {
    this.#work = work;
    this.#settings = settings;
    this.#series = series;
    this.#open = open === null ? [] : [open.night, ...open.later];
    if (open === null) return;
    const { id, startedAt } = open.night;
    work.progress.warn({
      code: 'NIGHT_CONTINUED',
      message: `continuing the night of ${startedAt} (${id}), whose batch was not back; no new night begins`,
    });
  }

  /** The reader ended the night while it waited. */
  cancel(): void {
    this.spent = { ...this.spent, stoppedBy: 'cancelled' };
  }

  /** A later step of the night is in the ledger already. */
  get hasLater(): boolean {
    return this.#open.length > 0;
  }

  /** The batch of the last run is not back, and continues at the service. */
  get waits(): boolean {
    const { stoppedBy } = this.spent;
    return this.#settings.batch === true && (stoppedBy === 'deadline' || stoppedBy === 'fatal');
  }

  async run(assignment: Assignment, settings: RunSettings, nightly: NightStep): Promise<RunResult> {
    const all: RunSettings = { ...this.#settings, ...settings };
    const labels = {
      ...all.labels,
      nightly,
      ...(this.#night === null || (nightly === 'rerun' && all.batch !== true)
        ? {}
        : { [CONFIRMS]: this.#night }),
      ...(all.batch === true ? { [SERIES]: this.#series } : {}),
    };
    const at = this.#open.findIndex((one) => one.labels['nightly'] === nightly);
    const [known] = at === -1 ? [] : this.#open.splice(at, 1);
    const result = await (known === undefined
      ? runSuite(this.#work, assignment, { ...all, labels })
      : known.state === 'finished'
        ? stored(known)
        : resumeRun(this.#work, known.id, { ...all, labels }));
    if (nightly === 'night') this.#night = result.summary.id;
    this.spent = addSpent(this.spent, result.report);
    return result;
  }
}

/** A run that an earlier command of the same night has finished: the limits of the night count its calls. */
function stored(summary: SnapshotSummary): RunResult {
  const { calls, costUsd } = summary;
  return { summary, report: { ...NOTHING_RUN, calls, costUsd, knownCostUsd: costUsd ?? 0 } };
}

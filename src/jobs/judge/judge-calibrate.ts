// Is the judge right? Its verdicts against people's labels: recorded ones from the file, or those on a snapshot's frozen outputs.

import { LastgoodError } from '../../base/index.ts';
import type { Release, SnapshotSummary } from '../../core/index.ts';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import { frozenOutputs } from '../../engine/examiners/judge-outputs.ts';
import { CALIBRATION_RECORD, type StoredCalibration } from '../../engine/examiners/stored-calibration.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { calibrate, type LabelledItem } from '../../grade/index.ts';
import { type RegradeResult, regrade } from '../regrade/regrade.ts';
import type { RegradeBatch } from '../regrade/regrade-batch.ts';
import { type LabelColumns, type LabelRow, readLabels } from './judge-labels.ts';

export interface CalibrateInput {
  readonly labels: string;
  readonly columns?: LabelColumns | undefined;
  /** Whose outputs the labels are about (rows name `case` and `trial`); absent: the file holds the verdicts too. */
  readonly snapshot?: SnapshotSummary | undefined;
  /** The judge the verdicts are of; with a snapshot, its outputs are graded by it first. */
  readonly judge?: Release | undefined;
  /** The label that means "passes". Default: pass, yes, true or 1, where there is one. */
  readonly pass?: string | undefined;
  readonly order?: readonly string[] | undefined;
  /** Ask the judge through its provider's batch API. */
  readonly batch?: RegradeBatch | undefined;
  /** The judge's budget. */
  readonly limit?: JudgeLimit | undefined;
}

/** Computes and keeps the calibration under the judge's fingerprint. */
export async function judgeCalibrate(work: Workplace, input: CalibrateInput): Promise<StoredCalibration> {
  const rows = readLabels(input.labels, input.columns);
  const found =
    input.snapshot === undefined ? recorded(input, rows) : await frozen(work, input, rows, input.snapshot);
  const stored: StoredCalibration = {
    judge: found.judge,
    suite: input.snapshot?.suite ?? '*',
    at: work.clock.now().toISOString(),
    calibration: calibrate(found.items, {
      pass: found.pass,
      order: input.order,
      observed: found.observed,
    }),
  };
  await work.store.keepRecord({
    kind: CALIBRATION_RECORD,
    suite: stored.suite,
    at: stored.at,
    body: JSON.parse(JSON.stringify({ judge: stored.judge, calibration: stored.calibration })),
  });
  return stored;
}

interface Found {
  readonly judge: string;
  readonly items: readonly LabelledItem[];
  readonly pass: string | undefined;
  readonly observed?: { readonly passed: number; readonly verdicts: number } | undefined;
}

function recorded(input: CalibrateInput, rows: readonly LabelRow[]): Found {
  if (input.batch !== undefined)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message:
        'without --snapshot the verdicts are in the file, so no judge is asked and --batch has nothing to submit',
      where: { file: input.labels },
      hint: 'leave --batch out, or name the snapshot whose outputs were labelled with --snapshot REF',
    });
  const column = input.columns?.verdict ?? 'judge';
  if (!rows.some((r) => r.hasVerdict)) {
    throw new LastgoodError({
      code: 'LABELS_NO_VERDICT',
      message: `the rows hold no verdict of a judge under ${JSON.stringify(column)}`,
      where: { file: input.labels },
      hint: 'name the column with --verdict, or the snapshot whose outputs were labelled with --snapshot REF',
    });
  }
  return {
    judge: input.judge?.fingerprint ?? `recorded:${column}`,
    items: rows.map((r) => r.item),
    pass: input.pass ?? passWord(rows),
  };
}

async function frozen(
  work: Workplace,
  input: CalibrateInput,
  rows: readonly LabelRow[],
  snapshot: SnapshotSummary,
): Promise<Found> {
  const graded =
    input.judge === undefined || input.judge.fingerprint === snapshot.judge
      ? snapshot
      : await judgedAll(work, input, snapshot, input.judge);
  if (graded.judge === null) {
    throw new LastgoodError({
      code: 'JUDGE_ABSENT',
      message: `${snapshot.id} was made without a judge`,
      hint: 'name a snapshot of a suite with `ask` criteria or `judge` graders',
    });
  }
  const outputs = await frozenOutputs(work.store, graded.id);
  const byTrial = new Map(outputs.map((o) => [JSON.stringify([o.case.id, o.trial.trial]), o]));
  const pass = input.pass ?? passWord(rows) ?? 'pass';
  const others = new Set(rows.flatMap((r) => r.item.human.filter((h) => h !== null && h !== pass)));
  const fail = [...others][0] ?? 'fail';
  const items = rows.map((row): LabelledItem => {
    const output = byTrial.get(JSON.stringify([row.caseId, row.trial]));
    if (output === undefined) {
      throw new LastgoodError({
        code: 'LABELS_NO_TRIAL',
        message: `${graded.id} has no judged answer to trial ${row.trial} of case ${JSON.stringify(row.caseId)}`,
        where: row.where,
        hint: 'a row names the stored answer it is about with `case` and `trial` (from 0)',
      });
    }
    return {
      ...row.item,
      judge: output.pass === null ? null : output.pass ? pass : fail,
      ...(output.length === null ? {} : { length: output.length }),
    };
  });
  const verdicts = outputs.filter((o) => o.pass !== null);
  return {
    judge: graded.judge,
    items,
    pass,
    observed: { passed: verdicts.filter((o) => o.pass).length, verdicts: verdicts.length },
  };
}

/** The snapshot under another judge. Throws `CALIBRATION_STOPPED` where some answers have no verdict yet: a part of them is not a sample. */
async function judgedAll(
  work: Workplace,
  { batch, limit }: CalibrateInput,
  source: SnapshotSummary,
  judge: Release,
): Promise<SnapshotSummary> {
  const { stoppedBy, summary } = await regrade(work, { source, judge, batch, limit });
  if (stoppedBy !== null) throw stopped(stoppedBy, summary, limit);
  return summary;
}

function stopped(
  by: NonNullable<RegradeResult['stoppedBy']>,
  { id, ungraded }: SnapshotSummary,
  limit: JudgeLimit | undefined,
): LastgoodError {
  const why = by === 'judge-limit' ? (limit?.reached ?? 'the limit is reached') : `judging stopped (${by})`;
  return new LastgoodError({
    code: 'CALIBRATION_STOPPED',
    message: `${ungraded} answers have no verdict: ${why}; nothing was calibrated`,
    hint: `run the same command again: verdicts that came are cached (${id})`,
    exitCode: by === 'fatal' ? 4 : 3,
  });
}

/** The label that plainly means "passes", where the labels are two. */
function passWord(rows: readonly LabelRow[]): string | undefined {
  const labels = [...new Set(rows.flatMap((r) => r.item.human.filter((h) => h !== null)))];
  return labels.length > 2
    ? undefined
    : labels.find((l) => /^(pass|passes|passed|yes|true|1|good)$/i.test(l));
}

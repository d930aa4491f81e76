// A row of a snapshot as the summary that lists and reports show.

import type { LayerName } from '../../core/release.ts';
import type {
  Finding,
  SnapshotEnvironment,
  SnapshotPurpose,
  SnapshotSummary,
  Validity,
} from '../../core/snapshot.ts';

export interface SummaryRow {
  readonly id: string;
  readonly purpose: string;
  readonly suite_name: string;
  readonly suite_hash: string;
  readonly cases: number;
  readonly release_name: string;
  readonly fingerprint: string;
  readonly layer_hashes: string;
  readonly pinned: number;
  readonly exam: string;
  readonly judge: string | null;
  readonly embedder: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly state: string;
  readonly validity: string;
  readonly validity_reasons: string;
  readonly findings: string;
  readonly planned_trials: number;
  readonly seed: number;
  readonly labels: string;
  readonly environment: string;
  readonly imported: number;
  readonly trials: number;
  readonly answered: number;
  readonly failed: number;
  readonly app_errors: number;
  readonly trials_per_case: number | null;
  readonly skipped: number;
  readonly ungraded: number;
  readonly calls: number;
  readonly cost_usd: number;
  readonly cost_unknown: number;
  readonly judge_usd: number;
  readonly judge_unknown: number;
  readonly graded_cases: number;
  readonly pass_share_sum: number;
  readonly score_mean_sum: number;
  readonly served: string;
}

export const SUMMARY = `
  SELECT s.*, u.name AS suite_name, u.hash AS suite_hash, u.cases, r.name AS release_name, r.fingerprint, r.layer_hashes, r.pinned,
         j.fingerprint AS judge, e.fingerprint AS embedder,
         (SELECT json_group_array(json_array(d.model, d.system_fingerprint, d.simulated))
          FROM snapshot_served x JOIN served d ON d.id = x.served WHERE x.snapshot = s.no) AS served
  FROM snapshot s JOIN suite u ON u.id = s.suite JOIN release r ON r.id = s.release
       LEFT JOIN release j ON j.id = s.judge LEFT JOIN release e ON e.id = s.embedder`;

export function summaryOf(row: SummaryRow): SnapshotSummary {
  const served = JSON.parse(row.served) as [string | null, string | null, number | null][];
  return {
    id: row.id,
    purpose: row.purpose as SnapshotPurpose,
    suite: row.suite_name,
    suiteHash: row.suite_hash,
    release: row.release_name,
    fingerprint: row.fingerprint,
    layerHashes: JSON.parse(row.layer_hashes) as Partial<Record<LayerName, string>>,
    exam: row.exam,
    judge: row.judge,
    embedder: row.embedder,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    state: row.state as SnapshotSummary['state'],
    validity: row.validity as Validity,
    validityReasons: JSON.parse(row.validity_reasons) as string[],
    findings: JSON.parse(row.findings) as Finding[],
    cases: row.cases,
    plannedTrials: row.planned_trials,
    trials: row.trials,
    answered: row.answered,
    failed: row.failed,
    appErrors: row.app_errors,
    ...(row.trials_per_case === null ? {} : { plannedTrialsPerCase: row.trials_per_case }),
    skipped: row.skipped,
    ungraded: row.ungraded,
    passRate: row.graded_cases === 0 ? null : row.pass_share_sum / row.graded_cases,
    gradedCases: row.graded_cases,
    meanScore: row.graded_cases === 0 ? null : row.score_mean_sum / row.graded_cases,
    calls: row.calls,
    ...(row.cost_unknown > 0
      ? { costUsd: null, knownCostUsd: row.cost_usd, unpricedTrials: row.cost_unknown }
      : { costUsd: row.cost_usd }),
    ...(row.judge_unknown > 0
      ? { judgeCostUsd: null, knownJudgeCostUsd: row.judge_usd, unpricedJudgings: row.judge_unknown }
      : { judgeCostUsd: row.judge_usd }),
    servedModels: distinct(served.map(([model]) => model)),
    systemFingerprints: distinct(served.map(([, fingerprint]) => fingerprint)),
    simulated: served.some(([, , simulated]) => simulated === 1),
    imported: row.imported === 1,
    pinned: row.pinned === 1,
    labels: JSON.parse(row.labels) as Record<string, string>,
    seed: row.seed,
    environment: JSON.parse(row.environment) as SnapshotEnvironment,
  };
}

/** Each value once, in order, `null` (not disclosed) last. */
function distinct(values: readonly (string | null)[]): (string | null)[] {
  const texts = [...new Set(values.filter((v) => v !== null))].sort();
  return values.includes(null) ? [...texts, null] : texts;
}

// What a check is asked for, and what it announces before its first call.

import type { Policy, SuiteCheck } from '../../core/index.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import type { ExamSource } from './exam-source.ts';

export interface CheckInput {
  /** `SUITE`, or `SUITE=RELEASE` for a suite with a release of its own. */
  readonly suites: readonly string[];
  /** Release of the suites that name none. */
  readonly release?: string | undefined;
  readonly judge?: string | undefined;
  readonly cwd: string;
  /** Snapshot reference or exported file instead of the baseline. */
  readonly against?: string | undefined;
  /** Git reference: only what changed since is run. */
  readonly changed?: string | undefined;
  /** Whose exam decides, opened before the ledger, because that is a part of it; absent = opened here, with the ledger at hand. */
  readonly exam?: ExamSource | undefined;
  readonly tier?: Policy['tier'] | undefined;
  readonly trials?: number | undefined;
  /** false = the baseline's release is not run today, and nothing can be called regressed. Default true. */
  readonly control?: boolean | undefined;
  /** Limits for the whole check. */
  readonly maxCalls?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  /** Without keys: exit 0 instead of 3. */
  readonly offlineOk: boolean;
  /** Folder with exported snapshots, from `cwd` (default `snapshots`). */
  readonly snapshots?: string | undefined;
  /** Folder, from `cwd`, that gets the snapshots of this check as files, for who reads the report without the ledger. */
  readonly exportTo?: string | undefined;
  readonly settings: RunSettings;
  /** Called once, before the first call to a model. */
  readonly announce?: ((plan: CheckPlan) => void) | undefined;
}

export type WithExam = CheckInput & { readonly exam: ExamSource };

export interface CheckPlan {
  readonly suites: readonly Pick<SuiteCheck, 'suite' | 'scope' | 'estimate' | 'baseline'>[];
  /** Calls of all suites, without and with every confirmation; judge calls are not counted. */
  readonly calls: number;
  readonly callsUpper: number;
  /** null = unknown. */
  readonly costUpperUsd: number | null;
}

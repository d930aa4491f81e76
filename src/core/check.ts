// What a pre-merge check found: one verdict over several suites. This object is the JSON that `lastgood check --json` prints.

import type { Comparison, Gate, OverallVerdict } from './comparison.ts';
import type { InWords } from './reason.ts';

/**
 * How the check of one suite ended. `first-run`: its changed cases are new or edited, so they were run and there is nothing to
 * compare them with. `not-evaluated`: no call could be made (no key), only the offline part was done. Only `compared`,
 * `first-run` and `nothing-to-check` can be green.
 */
type SuiteCheckStatus =
  | 'compared'
  | 'first-run'
  | 'nothing-to-check'
  | 'not-evaluated'
  | 'no-baseline'
  | 'failed'
  | 'interrupted';

/** The comparison's verdict where there is one, else how far the check got. */
export type CheckVerdict = OverallVerdict | Exclude<SuiteCheckStatus, 'compared'>;

export type CheckExitCode = 0 | 1 | 3 | 4 | 130;

/** Which cases were asked for, and why. */
export interface CheckScope {
  /** `all`: every case; `some`: only cases whose content or graders changed; `none`: nothing that shapes behaviour changed. */
  readonly mode: 'all' | 'some' | 'none';
  /** Commit compared with (40 hex digits); null without `--changed`. */
  readonly base: string | null;
  /** One sentence. */
  readonly why: string;
  /** Cases in the suite, and those that were to be run. */
  readonly cases: number;
  readonly affected: number;
  /** Cases that are gone since `base`. */
  readonly removed: readonly string[];
}

/** Where the baseline came from. */
export interface CheckBaseline {
  readonly snapshot: string;
  /** `against`: named on the command line; `blessed`: in the ledger; `file`: a committed snapshot. */
  readonly source: 'against' | 'blessed' | 'file';
  /** Path as found, for `file`. */
  readonly file: string | null;
  /** Further snapshots of the same fingerprint that were pooled with it. */
  readonly pooled: number;
  /** Runs of the same fingerprint that are not pooled, with the reason; absent when there are none. */
  readonly leftOut?: readonly { readonly snapshot: string; readonly reason: string }[] | undefined;
}

/** Upper bounds, known before the first call. Judge calls are not counted. */
export interface CheckEstimate {
  readonly calls: number;
  /** What is called at the least: with a ladder its first rung, else all of `calls`. */
  readonly callsLeast: number;
  /** Fresh trials of cases that look worse, at most. */
  readonly confirmationCalls: number;
  /** US dollars for all of them; null = a price or a token bound is unknown. */
  readonly costUpperUsd: number | null;
}

/** What can be said without a call: files that load, and present graders over the answers stored in the baseline. */
export interface OfflineCheck {
  /** What was missing, e.g. an environment variable. */
  readonly missing: string;
  /** Cases whose question is the same as in the baseline, and their stored answers. */
  readonly cases: number;
  readonly answers: number;
  /** Further answers that could not be graded, because the ledger does not have them (any more). */
  readonly removed: number;
  /** Stored answers that pass every deterministic grader as it stands now. */
  readonly passed: number;
  /** Cases that have a deterministic grader only in part, or none: a judge or an embedder has to see them. */
  readonly needExaminer: number;
  /** Stored answers whose result under the same graders is another one than before, by case. */
  readonly changed: readonly { readonly case: string; readonly before: boolean; readonly now: boolean }[];
  /** Graders that failed on a stored answer: the exam itself is broken. */
  readonly broken: readonly { readonly case: string; readonly reason: string }[];
}

/** A new or edited case that was run and has nothing to be compared with. */
export interface FirstRunCase {
  readonly id: string;
  /** Against the merge base where the exam comes from there, else against the baseline. */
  readonly state?: 'added' | 'edited' | undefined;
  /** Now or before the edit; a critical case is never green on its first run. */
  readonly critical?: boolean | undefined;
  readonly passed: number;
  /** Graded trials. */
  readonly trials: number;
  /** Pass rate it has to reach: its own floor, else a half. */
  readonly floor: number;
  readonly outcome: 'pass' | 'fail' | 'inconclusive';
}

/** Whose exam decided, and what the branch does to it. */
export interface CheckExam {
  /** `base`: suite, graders, judge, policy and baseline files of the merge base; `head`: the branch's own. */
  readonly from: 'base' | 'head';
  /** Commit, 40 hex digits; null outside of git. */
  readonly commit: string | null;
  /** One sentence. */
  readonly why: string;
  /** Cases of the branch that the merge base does not have, or has otherwise; run apart and held to their floors. */
  readonly added: readonly string[];
  readonly edited: readonly string[];
  readonly removed: readonly string[];
  readonly removedCritical: readonly string[];
  /** Rules, graders and settings that the branch changes; `weaker` can only let more pass. */
  readonly changes: readonly { readonly what: string; readonly weaker: boolean }[];
  /** Snapshot of the added and edited cases; null when none was run apart. */
  readonly snapshot: string | null;
}

/** A line in the user's files, relative to the repository (or to the working folder outside of one). */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface SuiteCheck extends InWords {
  readonly suite: string;
  readonly place: Place;
  readonly status: SuiteCheckStatus;
  readonly verdict: CheckVerdict;
  /** The rule that decided, in one sentence. */
  readonly reason: string;
  readonly gate: Gate['outcome'];
  readonly exitCode: CheckExitCode;
  readonly scope: CheckScope;
  /** Absent in results kept by earlier versions. */
  readonly exam?: CheckExam | undefined;
  readonly baseline: CheckBaseline | null;
  /** Snapshot of this run, and of the fresh confirmation trials; null when none was made. */
  readonly candidate: string | null;
  readonly confirmation: string | null;
  readonly estimate: CheckEstimate | null;
  /** Model calls made, retries included; judge calls are not counted. */
  readonly calls: number;
  /** US dollars; null = unknown. */
  readonly costUsd: number | null;
  readonly offline: OfflineCheck | null;
  readonly firstRun: readonly FirstRunCase[];
  readonly comparison: Comparison | null;
  /** Where the cases stand that a reader may want to open. */
  readonly places: Readonly<Record<string, Place>>;
  /** The command to run next; null when there is nothing to do. */
  readonly next: string | null;
  /** The check as it can be asked for again, also where the ledger of this run is gone. */
  readonly again?: string | undefined;
}

export interface CheckResult extends InWords {
  readonly schemaVersion: 1;
  readonly kind: 'check';
  /** The worst of the suites. */
  readonly verdict: CheckVerdict;
  readonly reason: string;
  /** `fail` when any suite fails; else `inconclusive` when any is undecided; with several suites each rule's name begins with its suite's. */
  readonly gate: Gate;
  readonly exitCode: CheckExitCode;
  readonly suites: readonly SuiteCheck[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

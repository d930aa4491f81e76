// Decisions that a release made in production: answers with an action, what became of them, and what people marked them as.

import type { OutcomeFacts } from './observation.ts';

/** What a person found out about a decision, or did about it. */
export const DECISION_MARKS = ['reviewed', 'corrected', 'reversed'] as const;
export type DecisionMark = (typeof DECISION_MARKS)[number];

/** One mark; a decision can have several, and the newest one counts. */
export interface StoredMark {
  readonly mark: DecisionMark;
  readonly by: string;
  readonly why: string;
  /** ISO time, UTC. */
  readonly at: string;
}

/** One answer that acted: it called a tool, or it was given in an action mode. */
export interface Decision {
  /** As it is stored: redacted and masked. */
  readonly id: string;
  /** ISO time, UTC. */
  readonly at: string;
  readonly release: string;
  readonly template: string | null;
  readonly segment: string | null;
  readonly actionMode: string | null;
  /** null = not known. */
  readonly toolCalls: number | null;
  /** Names of the tools; null where the texts are not stored. */
  readonly tools: readonly string[] | null;
  /** null where the texts are not stored. */
  readonly output: string | null;
  readonly outcome: OutcomeFacts | null;
  /** Oldest first. */
  readonly marks: readonly StoredMark[];
}

/** Decisions of one release of a feature. */
export interface DecisionReport {
  readonly feature: string;
  /** As it was asked for. */
  readonly asked: string;
  /** Names under which observations of this release were sent. */
  readonly releases: readonly string[];
  /** ISO times, whole hours: from inclusive, to exclusive. */
  readonly from: string;
  readonly to: string;
  readonly counts: {
    /** Answers of the release whose rows are stored. */
    readonly observations: number;
    readonly decisions: number;
    readonly unmarked: number;
    readonly byMark: Readonly<Record<DecisionMark, number>>;
    /** By action mode; `(none)` = a tool was called without one. */
    readonly byMode: Readonly<Record<string, number>>;
  };
  /** Answers of the release that windows counted and whose rows were removed since: their decisions are not known. */
  readonly removed: number;
  /** Answers of the same time that are filed under `(other)`: which release gave them is not known. */
  readonly crowded: number;
  /** Answers of the same time that name no release. */
  readonly unnamed: number;
  /** Oldest first. */
  readonly decisions: readonly Decision[];
  /** Decisions that are left out of the list. */
  readonly more: number;
}

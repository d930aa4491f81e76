// An observation: one production answer in numbers, its outcome, and the port they are stored behind.

import type { JsonObject } from '../base/json.ts';

/** What an answer is filed under. Each value is counted in windows of its own. */
export const DIMENSIONS = ['release', 'variant', 'template', 'segment'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Values of a dimension beyond the limit of its feature are counted under this one. */
export const OTHER_VALUE = '(other)';

/** How much of production answers is stored: numbers only, or the texts of a sample as well. */
export const OBSERVATION_STORES = ['numbers', 'outputs'] as const;
export type ObservationStoreMode = (typeof OBSERVATION_STORES)[number];

/** What is measured on one answer. null = not known; nothing unknown is ever counted as 0 or as false. */
export interface ObservationMeasures {
  readonly failed: boolean;
  /** Unicode code points of the answer. */
  readonly length: number | null;
  readonly refusal: boolean | null;
  readonly schemaValid: boolean | null;
  readonly blocked: boolean | null;
  readonly latencyMs: number | null;
  readonly costUsd: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly toolCalls: number | null;
}

/** Texts of one answer, as they may be written: redacted and masked. */
interface ObservationTexts {
  readonly output: string | null;
  /** The rest: messages or input, tool calls, the error, session and user as they were sent. */
  readonly rest: JsonObject;
}

/** One production answer on its way into the store. */
export interface Observation {
  /** As it was sent; only its hash is stored. */
  readonly id: string;
  /** As it may be written. */
  readonly shownId: string;
  /** Milliseconds since 1970, UTC. */
  readonly at: number;
  readonly feature: string;
  readonly dimensions: Readonly<Partial<Record<Dimension, string>>>;
  readonly region: string | null;
  /** Stored as keyed hashes: enough to group by, not enough to read. */
  readonly session: string | null;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly model: string | null;
  readonly servedModel: string | null;
  readonly systemFingerprint: string | null;
  readonly stopReason: string | null;
  readonly actionMode: string | null;
  readonly measures: ObservationMeasures;
  /** null = only numbers are stored of it. */
  readonly texts: ObservationTexts | null;
  /** Embedding of the answer, of a sample by id; components from -127 to 127. */
  readonly vector: Int8Array | null;
}

/** Yes-or-no facts of an outcome, by their name on the wire. */
export const OUTCOME_FLAGS = [
  'overridden',
  'dismissed',
  'retried',
  'restarted',
  'abandoned',
  'manual_path',
  'complaint',
  'completed',
] as const;
export type OutcomeFlag = (typeof OUTCOME_FLAGS)[number];

/** What became of an answer, as far as it is known. */
export interface OutcomeFacts {
  /** Share of the answer that the user changed, 0 to 1. */
  readonly edited?: number | undefined;
  readonly flags: Readonly<Partial<Record<OutcomeFlag, boolean>>>;
  readonly review?: 'accepted' | 'rejected' | undefined;
  /** Business numbers, which lag by days or weeks. */
  readonly kpi: Readonly<Record<string, number>>;
  /** Scores of judges from 0 to 1, by the judge's name. */
  readonly scores: Readonly<Record<string, number>>;
  /** Hash of the judge and question that gave a score, by the score's name; none for scores that an application sent. */
  readonly examiners?: Readonly<Record<string, string>> | undefined;
}

/** News about the outcome of one answer. It may come before the answer, in parts, and more than once. */
export interface Outcome extends OutcomeFacts {
  readonly id: string;
  /** Of two values of one fact the one with the later time counts. */
  readonly at: number;
  /** What the user made of the answer, where texts may be stored. */
  readonly finalText: string | null;
}

/** `known`: stored before, nothing changed. `expired`: older than what the store still counts. */
export type StoredState = 'added' | 'known' | 'expired';

export interface ObservationBatch {
  readonly observations: readonly Observation[];
  readonly outcomes: readonly Outcome[];
}

/** What became of each row of a batch, in its order. */
export interface BatchResult {
  readonly observations: readonly StoredState[];
  readonly outcomes: readonly StoredState[];
  /** Values that are counted under `(other)`, because their feature has too many: `template`, … */
  readonly crowded: readonly string[];
}

/** Additive counts by name. Windows are merged by adding, and a row is taken back by subtracting. */
export type WindowCounts = Map<string, number>;

/** One stored answer as windows count it. */
export interface CountedObservation {
  readonly measures: ObservationMeasures;
  readonly servedModel: string | null;
  readonly outcome: OutcomeFacts | null;
}

/** How rows become windows. The store keeps the counts; only these functions know what they mean. */
export interface WindowRules {
  /** What one answer adds to its window. */
  counts(row: CountedObservation): WindowCounts;
  /** Share of an answer that differs in the final text, 0 to 1; null = too long to measure. */
  editShare(output: string, finalText: string): number | null;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Answers of one hour or day (UTC) that share all dimensions. */
export interface CountedWindow {
  readonly start: number;
  readonly spanMs: typeof HOUR_MS | typeof DAY_MS;
  /** null = the answers name none. */
  readonly dimensions: Readonly<Record<Dimension, string | null>>;
  readonly counts: WindowCounts;
}

export interface WindowQuery {
  readonly feature: string;
  /** Whole hours, from inclusive, to exclusive. */
  readonly from: number;
  readonly to: number;
  /** `hour` gives hours only; `any` takes whole days where they fit, which is faster. */
  readonly span: 'hour' | 'any';
}

/** One stored answer with what was kept of it. */
export interface StoredObservation {
  /** As it was written: redacted and masked. */
  readonly id: string;
  /** false = the id was redacted, so no outcome can be filed under it. */
  readonly idAsSent: boolean;
  readonly at: number;
  readonly dimensions: Readonly<Record<Dimension, string | null>>;
  readonly model: string | null;
  readonly servedModel: string | null;
  readonly stopReason: string | null;
  readonly actionMode: string | null;
  readonly tags: readonly string[];
  readonly measures: ObservationMeasures;
  readonly outcome: OutcomeFacts | null;
  readonly texts: ObservationTexts | null;
  readonly finalText: string | null;
}

/** One stored answer as it is counted, with who it was given to. */
export interface MeasuredAnswer extends CountedObservation {
  readonly at: number;
  readonly dimensions: Readonly<Record<Dimension, string | null>>;
  /** Keyed hashes, the same for one user in one ledger; null = the answer names none. */
  readonly user: string | null;
  readonly session: string | null;
  /** Different for each answer. */
  readonly key: string;
}

export interface ObservationFeature {
  readonly feature: string;
  readonly observations: number;
  /** Of the first and last stored answer. */
  readonly first: number;
  readonly last: number;
}

/** Where observations live. Async, so that a store may stand on another machine; one contract test holds every implementation. */
export interface ObservationStore {
  /** Stores a batch as a whole; durable when it resolves. A row that is known already changes nothing. */
  add(batch: ObservationBatch): Promise<BatchResult>;
  /** Brings windows up to date with at most `rows` stored rows; resolves to how many there were. 0 = up to date. */
  fold(rows: number): Promise<number>;
  /** Windows in order of time; only what `fold` has counted. */
  windows(query: WindowQuery): AsyncIterable<CountedWindow>;
  /** Embeddings of about `most` answers of the sample, the same ones each time; `dimensions` as in windows. */
  vectors(
    query: Omit<WindowQuery, 'span'> & { readonly most: number },
  ): AsyncIterable<{ readonly dimensions: CountedWindow['dimensions']; readonly vector: Int8Array }>;
  /** Answers of a time, oldest first. */
  observations(query: Omit<WindowQuery, 'span'>): AsyncIterable<StoredObservation>;
  /** The same answers as they are counted, in pages: for reading many. */
  measured(query: Omit<WindowQuery, 'span'>): AsyncIterable<readonly MeasuredAnswer[]>;
  /** What there is, in order of name. */
  features(): Promise<readonly ObservationFeature[]>;
  close(): Promise<void>;
}

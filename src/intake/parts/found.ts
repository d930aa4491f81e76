// What a format's reader finds in a source, before it becomes a suite: cases, releases, recordings, labels.

import type { JsonObject, JsonValue } from '../../base/json.ts';

/** Where something stands in the source. */
export interface Place {
  readonly file: string;
  /** From 1; null where the source has no lines. */
  readonly line: number | null;
}

/** One recorded answer, or a recorded failure, in the words of a recordings file. */
export interface FoundRecording {
  /** Name of the recorded release: the base name of its recordings file. */
  readonly release: string;
  readonly output?: JsonValue | undefined;
  readonly toolCalls?: readonly JsonValue[] | undefined;
  readonly error?: string | undefined;
  readonly latencyMs?: number | undefined;
  readonly model?: string | undefined;
  readonly usage?: JsonObject | undefined;
  readonly costUsd?: number | undefined;
  readonly stopReason?: string | undefined;
  /** What people said of this very answer. */
  readonly human?: readonly string[] | undefined;
  /** Scores that the source recorded; kept beside the answer, never taken as grades. */
  readonly scores?: JsonObject | undefined;
}

/** A case as a source describes it. Its id comes later, from its content or from `sourceId`. */
export interface FoundCase {
  /** An identity that the source itself keeps stable. */
  readonly sourceId?: string | undefined;
  /** Identity of the record in its source: the same record in two exports is one. */
  readonly recordId?: string | undefined;
  readonly vars?: JsonObject | undefined;
  readonly messages?: readonly JsonValue[] | undefined;
  readonly expected?: JsonValue | undefined;
  /** Graders in the form of a suite file. */
  readonly grade?: readonly JsonValue[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly meta?: JsonObject | undefined;
  readonly trials?: number | undefined;
  readonly source: {
    readonly kind: string;
    readonly ref?: string | undefined;
    readonly at?: string | undefined;
  };
  /** When the recorded answer was given: ISO time, UTC. */
  readonly time?: string | undefined;
  readonly recordings?: readonly FoundRecording[] | undefined;
  /** True where the record only adds an answer to a case that came before: it is no duplicate. */
  readonly joins?: boolean | undefined;
  readonly place: Place;
}

/** A line in the form that applications send. */
export interface FoundLine {
  readonly kind: 'observation' | 'outcome';
  /** Of the source. */
  readonly line: number;
  readonly value: JsonObject;
}

/** A release file to write; `recorded` releases get their route from the recordings file. */
export interface FoundRelease {
  readonly name: string;
  readonly file: JsonObject;
  readonly place: Place;
}

/** A file that goes with the suite: a prompt, a schema, code. Its path is relative to the folder of the suite. */
export interface FoundFile {
  readonly path: string;
  readonly text: string;
}

/** What a whole source brings beside its cases. */
export interface FoundFrame {
  readonly description?: string | undefined;
  readonly releases: readonly FoundRelease[];
  readonly files: readonly FoundFile[];
  /** Name of the release that judges, where the source names a model for it. */
  readonly judge?: string | undefined;
  readonly embedder?: string | undefined;
}

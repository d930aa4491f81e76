// A suite: named cases with the graders that examine them and the policy that gates on them.

import type { CaseList } from './case-list.ts';
import type { Message } from './conversation.ts';
import type { ErrorWhere } from './errors.ts';
import type { GraderSpec } from './grader-spec.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { PolicyFile } from './policy.ts';

/** Where a case came from. */
export interface CaseSource {
  /** e.g. `incident`, `production`, `written`. */
  readonly kind: string;
  readonly ref?: string | undefined;
  /** ISO date. */
  readonly at?: string | undefined;
}

export interface Case {
  /** Unique within the suite and stable over its life; the content is hashed apart from it. */
  readonly id: string;
  readonly tags: readonly string[];
  /** Cases that are not independent share a group. */
  readonly group: string | null;
  /** A regression here fails the gate on its own. */
  readonly critical: boolean;
  /** Fills the release's prompt template. */
  readonly vars: JsonObject;
  /** A whole conversation instead of the release's message templates; null = use the templates. */
  readonly messages: readonly Message[] | null;
  readonly expected: JsonValue | undefined;
  /** The suite's default graders, then the case's own. Never empty. */
  readonly graders: readonly GraderSpec[];
  readonly trials: number;
  readonly minPassRate: number | null;
  readonly source: CaseSource | null;
  readonly meta: JsonObject;
  /** SHA-256 of what the model is shown and what is expected: `{vars, messages, expected}`. */
  readonly contentHash: string;
  /** SHA-256 of the graders' content. */
  readonly gradersHash: string;
  /** File and line it was read from. */
  readonly where: ErrorWhere;
}

export interface Suite {
  readonly name: string;
  readonly file: string | null;
  readonly description: string | null;
  readonly cases: CaseList;
  /** Path of the judge's release file, resolved; null when no case asks a judge. */
  readonly judgeFile: string | null;
  /** Paths of all judges' release files where a panel votes; `judgeFile` is then the first. */
  readonly panelFiles?: readonly string[] | undefined;
  /** Votes of each judge, where the suite asks for more than one. */
  readonly judgeVotes?: number | undefined;
  /** Path of the release file whose route makes the embeddings; null when neither a grader nor the embedding channel needs it. */
  readonly embedderFile: string | null;
  readonly policy: PolicyFile;
  /** SHA-256 over name, cases (content, graders, trials, tags, groups) and policy. */
  readonly hash: string;
}

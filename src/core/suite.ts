// A suite: named cases with the graders that examine them and the policy that gates on them.

import type { ErrorWhere } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { CannedTool, Turn } from './case-conversation.ts';
import type { CaseList } from './case-list.ts';
import type { Message } from './conversation.ts';
import type { GraderSpec } from './grader-spec.ts';
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
  /** What the user says, turn by turn, instead of messages; the release's replies become history. Absent where the case has none. */
  readonly turns?: readonly Turn[] | undefined;
  /** Canned results of the tools that the release may call. Absent: calls are part of the answer, and not run. */
  readonly tools?: readonly CannedTool[] | undefined;
  /** Most replies of the release to one turn; default `DEFAULT_MAX_STEPS`. */
  readonly maxSteps?: number | undefined;
  /** Take the place of the release's params of the same name. Absent where the case sets none. */
  readonly params?: JsonObject | undefined;
  readonly expected: JsonValue | undefined;
  /** The suite's default graders, then the case's own. Empty only in a draft, which is run and shown and never gates. */
  readonly graders: readonly GraderSpec[];
  readonly trials: number;
  readonly minPassRate: number | null;
  readonly source: CaseSource | null;
  readonly meta: JsonObject;
  /** SHA-256 of what the model is shown and what is expected: `{vars, messages, expected}`, and `turns`, `tools`, `maxSteps` and `params` where it has them. */
  readonly contentHash: string;
  /** SHA-256 of the graders' content. */
  readonly gradersHash: string;
  /** File and line it was read from. */
  readonly where: ErrorWhere;
}

/** What a case shows the model and what is expected of the answer. */
export type CaseContent = Pick<
  Case,
  'vars' | 'messages' | 'expected' | 'turns' | 'tools' | 'maxSteps' | 'params'
>;

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

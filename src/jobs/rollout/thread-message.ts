// What a server and its thread of rollouts say to each other. Everything is plain data: it is copied on its way.

import type { SentError } from '../../base/sent-error.ts';
import type { RolloutReport } from '../../core/rollout.ts';
import type { RolloutDecision } from './decide-rollout.ts';

export interface RolloutThreadStart {
  readonly db: string;
  /** Folder with the tickets. */
  readonly project: string;
  readonly version: string;
  /** Variables of the process: keys, and what is masked. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where alerts are posted, or `env:NAME`. */
  readonly webhook: string | undefined;
}

export type RolloutQuestion =
  | { readonly kind: 'list'; readonly environment: string }
  | { readonly kind: 'show'; readonly feature: string; readonly environment: string }
  | { readonly kind: 'step'; readonly feature: string; readonly environment: string; readonly by: string }
  | {
      readonly kind: 'decide';
      readonly feature: string;
      readonly environment: string;
      readonly decision: RolloutDecision;
      readonly by: string | undefined;
      readonly why: string | undefined;
      readonly override: string | undefined;
    };

export type RolloutThreadRequest =
  | { readonly no: number; readonly question: RolloutQuestion }
  | { readonly no: null };

/** A list has the newest rollout of each feature; every other answer has one. */
export type RolloutThreadReply =
  | { readonly no: number; readonly reports: readonly RolloutReport[] }
  | { readonly no: number; readonly error: SentError };

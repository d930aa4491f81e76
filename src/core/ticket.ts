// The release ticket: what a person decides before a candidate meets its first user. Written before the canary, and read by gates.

import type { Monitor } from './monitor.ts';
import type { LayerName } from './release.ts';

/** The signals of production answers that a gate may name; KPIs and judge scores are named as `kpi:NAME` and `judge-score:NAME`. */
export const GATE_SIGNALS = [
  'errors',
  'schema-failures',
  'blocks',
  'refusals',
  'length.p50',
  'length.p95',
  'latency.p50',
  'latency.p95',
  'output-tokens',
  'cost-per-call',
  'cost-per-completed',
  'edits',
  'edit-distance',
  'overrides',
  'dismissals',
  'retries',
  'restarts',
  'abandonment',
  'manual-path',
  'review-rejection',
  'complaints',
  'completion',
] as const;

/** What a gate does to the rollout once its rule is met. */
export const GATE_ACTIONS = ['rollback', 'reduce', 'pause', 'disable-segment', 'freeze'] as const;
type GateAction = (typeof GATE_ACTIONS)[number];

/** The six flags that every rollout knows, and what they may be set to; null = any text. */
export const AI_FLAGS = {
  'ai.route.provider': null,
  'ai.route.mode': ['sync', 'async', 'batch'],
  'ai.prompt.version': null,
  'ai.tools.enabled': 'boolean',
  'ai.action.mode': ['auto', 'draft', 'queued', 'human'],
  'ai.rollout.percent': 'percent',
} as const satisfies Record<string, readonly string[] | 'boolean' | 'percent' | null>;

export type FlagValue = string | number | boolean;
export type FlagValues = Readonly<Record<string, FlagValue>>;

/** Who may do what while a release is on its way; each is a person, a team or an on-call rota. */
export const AUTHORITIES = [
  'engineering',
  'platform',
  'product',
  'risk',
  'support',
  'incident-commander',
] as const;
export type Authority = (typeof AUTHORITIES)[number];

/** Texts for customers, written while nothing burns. */
export const CUSTOMER_MESSAGES = [
  'unavailable',
  'review-mode',
  'regeneration-off',
  'known-issue',
  'corrected',
] as const;
export type CustomerMessage = (typeof CUSTOMER_MESSAGES)[number];

/** What a gate is compared with. */
type GateReference = 'control' | 'control-7d' | { readonly approvedUsd: number };

/** When a gate is red. Shares are from 0 to 1. */
export type RolloutRule =
  | { readonly kind: 'above'; readonly share: number; readonly whileControlBelow: number | null }
  | { readonly kind: 'times'; readonly times: number; readonly of: GateReference }
  | { readonly kind: 'worse-by'; readonly share: number }
  | { readonly kind: 'count'; readonly count: number };

export interface RolloutGate {
  readonly signal: string;
  /** Newest observations the rule is read over; null = all of the stage. */
  readonly over: { readonly count: number; readonly unit: string } | null;
  /** Milliseconds the rule must be met without a break; null = once is enough. */
  readonly forMs: number | null;
  readonly rule: RolloutRule;
  readonly action: GateAction;
  /** Flags set along with the action. */
  readonly flags: FlagValues;
}

interface Stage {
  /** Of the traffic that gets the candidate, above 0 and up to 100. */
  readonly percent: number;
  /** Milliseconds that its gates must be green; null only at 100 percent. */
  readonly forMs: number | null;
  /** Requests of the candidate that the stage needs before it may end; null = its time alone decides. */
  readonly sample: number | null;
}

interface Fallback {
  readonly name: string;
  /** File of its release, absolute; null = not a release, such as human review. */
  readonly release: string | null;
  readonly useWhen: string;
  readonly notWhen: string;
}

/** What the targeting key of a flag may name. */
export const ASSIGNED_UNITS = ['user', 'session', 'request'] as const;
export type AssignedUnit = (typeof ASSIGNED_UNITS)[number];

/** A release ticket. Files are absolute. Parts that a ticket may lack are null or empty: `ticket check` says what is missing. */
export interface ReleaseTicket {
  readonly file: string;
  readonly feature: string;
  readonly workflow: string | null;
  readonly control: { readonly release: string; readonly approved: string | null };
  readonly candidate: { readonly release: string };
  readonly suite: string;
  /** Trials per case that the suite is run with before any user sees the candidate; null = the suite's own. */
  readonly offlineTrials: number | null;
  readonly stages: readonly Stage[];
  readonly gates: readonly RolloutGate[];
  /** What gets one arm as a whole: what the targeting key of the flag names; null = not said. */
  readonly unit: AssignedUnit | null;
  readonly firstRollback: { readonly restore: readonly LayerName[]; readonly flags: FlagValues } | null;
  readonly fallbacks: readonly Fallback[];
  readonly authority: Readonly<Partial<Record<Authority, string>>>;
  readonly messages: Readonly<Partial<Record<CustomerMessage, string>>>;
  readonly flags: FlagValues;
  readonly guard: {
    /** Most actions of a kind per window, over all processes. */
    readonly rate: Readonly<Record<string, { readonly count: number; readonly perMs: number }>>;
    /** Impact above which a person must approve an action of a kind. */
    readonly approveAbove: Readonly<Record<string, number>>;
    /** What happens to actions while the server cannot be reached. */
    readonly fail: 'closed' | 'open';
  } | null;
  /** Signals of production that are compared with a good period. */
  readonly monitors: readonly Monitor[];
}

/** One condition for the start of a rollout. */
export interface ReadinessCheck {
  readonly what: string;
  /** unknown = nothing in the ledger says so. */
  readonly state: 'met' | 'missing' | 'unknown';
  readonly detail: string;
  /** What to do about it; null where it is met. */
  readonly next: string | null;
}

/** May the rollout of a ticket start? */
export interface TicketReadiness {
  readonly schemaVersion: 1;
  readonly kind: 'ticket-check';
  readonly feature: string;
  readonly file: string;
  /** ISO time. */
  readonly at: string;
  readonly ready: boolean;
  readonly control: { readonly release: string; readonly fingerprint: string };
  readonly candidate: { readonly release: string; readonly fingerprint: string };
  readonly suite: string;
  readonly checks: readonly ReadinessCheck[];
}

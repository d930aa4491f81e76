// The guard of agents: what may be done, what a person must approve, and the log of every decision.

/** What was decided of one action. Only `allowed` is executed. */
type GuardOutcome =
  | 'allowed'
  | 'dry-run'
  | 'stopped'
  | 'rate-limited'
  | 'approval-pending'
  | 'approval-denied'
  | 'unreachable';

/** One action that an agent is about to take. */
export interface GuardedAction {
  readonly feature: string;
  readonly environment: string;
  /** null = the agent has no name. */
  readonly agent: string | null;
  /** Its kind, such as `refund`. */
  readonly action: string;
  /** Which one: an approval belongs to it, and a repetition has the same. */
  readonly key: string;
  /** How much is at stake, in the unit of the ticket's thresholds; null = not given. */
  readonly impact: number | null;
}

export interface GuardDecision extends GuardedAction {
  /** Place in the log. */
  readonly no: number;
  /** Milliseconds since 1970, UTC. */
  readonly at: number;
  readonly outcome: GuardOutcome;
  /** One sentence. */
  readonly reason: string;
  readonly approval: string | null;
  /** Did the action succeed? null = the agent did not say (yet). */
  readonly succeeded: boolean | null;
}

type ApprovalState = 'pending' | 'granted' | 'denied' | 'used' | 'expired';

export interface Approval extends GuardedAction {
  readonly id: string;
  readonly at: number;
  /** The threshold that the impact is above; null = every action needs a person. */
  readonly above: number | null;
  readonly state: ApprovalState;
  readonly answer: { readonly by: string; readonly why: string; readonly at: number } | null;
}

/** How long a person's answer, or its absence, holds. */
export const APPROVAL_MS = 86_400_000;

/** What the log knows of an action, when it is decided. */
export interface GuardFacts {
  readonly now: number;
  /** Times at which the newest actions of this kind were allowed, newest first, at most so many. */
  taken(most: number): readonly number[];
  /** The newest approval of this very action that still holds. */
  readonly approval: Approval | null;
  /** Number of the newest change of flags, releases and stops, 0 = none: a rule that knows an older state decides nothing. */
  readonly generation: number;
}

export interface GuardRuling {
  readonly outcome: GuardOutcome;
  readonly reason: string;
  /** Ask for an approval; the threshold that the impact is above. */
  readonly ask?: { readonly above: number | null } | undefined;
  /** The approval that it uses or waits for. */
  readonly approval?: string | undefined;
}

/** Where decisions and approvals live. Nothing is ever changed or removed. */
export interface GuardStore {
  /** Reads the facts, decides, and writes the decision, while no other process does. An error of the rule is thrown; nothing is written. */
  decide(
    action: GuardedAction,
    at: { readonly now: number; readonly newId: string },
    rule: (facts: GuardFacts) => GuardRuling,
  ): Promise<GuardDecision>;
  /** What was executed while no decision could be asked for. */
  addLate(
    actions: readonly (GuardedAction & { readonly at: number; readonly reason: string })[],
  ): Promise<void>;
  /** How an allowed action ended; the first report counts. False where there is no such decision. */
  ended(decision: number, feature: string, succeeded: boolean, now: number): Promise<boolean>;
  /** Throws `APPROVAL_UNKNOWN` or `APPROVAL_ANSWERED`. */
  answer(
    id: string,
    answer: { readonly granted: boolean; readonly by: string; readonly why: string; readonly now: number },
  ): Promise<Approval>;
  /** Newest first. */
  approvals(query: {
    readonly feature?: string | undefined;
    readonly now: number;
  }): Promise<readonly Approval[]>;
  /** Newest first. */
  decisions(query: {
    readonly feature?: string | undefined;
    readonly most: number;
  }): Promise<readonly GuardDecision[]>;
  close(): Promise<void>;
}

/** The rules of a feature, as its ticket has them. */
export interface GuardRules {
  readonly rate: Readonly<Record<string, { readonly count: number; readonly perMs: number }>>;
  readonly approveAbove: Readonly<Record<string, number>>;
  readonly fail: 'closed' | 'open';
}

/** A stop in force. */
export interface GuardStop {
  /** Or `EVERY_FEATURE`. */
  readonly feature: string;
  /** null = all agents. */
  readonly agent: string | null;
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

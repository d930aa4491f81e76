// A playbook: what on-call does for one feature, from detection to post-mortem, filled from its ticket and the ledger.

import type { AppliedStatus } from './applied-rollback.ts';
import type { GuardStop } from './guard.ts';
import type { FeatureState, OpenEpisode } from './live-pages.ts';
import type { MonitorChange, MonitorOutcome } from './monitor.ts';
import type { MonitorGap } from './monitor-report.ts';
import type { LayerName } from './release.ts';
import type { RolloutStatus } from './rollout.ts';
import type { MeasuredQuality } from './shipping.ts';
import type { SignalValue } from './signals.ts';
import type { Authority, CustomerMessage, FlagValues, RolloutGate } from './ticket.ts';

export const PLAYBOOK_SECTIONS = [
  'detect',
  'triage',
  'roll-back',
  'communicate',
  'investigate',
  'post-mortem',
] as const;
export type PlaybookSection = (typeof PLAYBOOK_SECTIONS)[number];

/** What each role may decide alone. */
export const AUTHORITY_MAY: Readonly<Record<Authority, string>> = {
  'incident-commander':
    'cut automation at once, also while the cause is unknown; decide when several triggers fire',
  engineering: 'switch flags, provider, prompt, output schema and tools; restore a release',
  platform: 'move traffic between providers and regions; change quotas and batch limits',
  product: 'pause a rollout',
  risk: 'require human review; disable the feature',
  support: 'publish status texts; send corrected answers',
};

/** When each message for customers is sent. */
export const MESSAGE_WHEN: Readonly<Record<CustomerMessage, string>> = {
  unavailable: 'the feature is switched off',
  'review-mode': 'people check every answer before it is sent',
  'regeneration-off': 'answers cannot be generated again',
  'known-issue': 'some answers were wrong, and customers may have seen them',
  corrected: 'a customer gets a corrected answer',
};

/** One command of a playbook. */
export interface PlaybookStep {
  /** Such as `detect.monitor`; unique. */
  readonly id: string;
  readonly section: PlaybookSection;
  /** What it is for, one sentence without a full stop. */
  readonly what: string;
  /** The role that decides it; null = anyone on call may run it. */
  readonly who: Authority | null;
  /** Words behind `lastgood`. */
  readonly words: readonly string[];
  /** The same as it is typed in a POSIX shell. */
  readonly command: string;
  /** Does it change what users get, or the ledger? */
  readonly changes: boolean;
  /** Words in `words` that the reader replaces, with what they mean. */
  readonly replace: Readonly<Record<string, string>>;
  /** What `playbook check` runs in its place: it changes nothing. */
  readonly rehearsal: readonly string[];
  /** Exit codes of the rehearsal that show the command works. A result with exit code 3 is open; an error, or any other code, is broken. */
  readonly works: readonly number[];
}

/** A release file that the ticket names. */
export interface PlaybookRelease {
  /** As it is typed from the working folder. */
  readonly file: string;
  /** Null where the file cannot be read. */
  readonly name: string | null;
  readonly fingerprint: string | null;
  /** Why it cannot be read. */
  readonly problem: string | null;
  readonly provider: string | null;
  readonly model: string | null;
}

/** The newest release that was run and shown to be good to go back to. */
export interface PlaybookTarget {
  readonly release: string;
  readonly fingerprint: string;
  readonly snapshot: string | null;
  /** ISO time. */
  readonly at: string;
  readonly by: 'rollback' | 'drill';
  /** On a simulator: the path was rehearsed, the provider was not asked. */
  readonly simulated: boolean;
}

interface PlaybookMonitor {
  readonly name: string;
  readonly signal: string;
  readonly change: MonitorChange;
  readonly action: 'warn' | 'alert';
  /** Of the last check; null = never checked. */
  readonly last: {
    readonly at: string;
    readonly outcome: MonitorOutcome;
    readonly reason: MonitorGap | null;
  } | null;
}

interface PlaybookFallback {
  readonly name: string;
  readonly release: PlaybookRelease | null;
  readonly useWhen: string;
  readonly notWhen: string;
  /** Id of the step that switches to it; null = done by people. */
  readonly step: string | null;
}

/** Something that the playbook needs, and whether it is there. */
export interface PlaybookPart {
  readonly section: PlaybookSection;
  readonly what: string;
  /** open = could not tell, or older than allowed. */
  readonly state: 'works' | 'broken' | 'open';
  readonly detail: string;
  /** What to do about it; null where it works. */
  readonly next: string | null;
}

export interface Playbook {
  readonly schemaVersion: 1;
  readonly kind: 'playbook';
  readonly feature: string;
  readonly environment: string;
  /** ISO time it was made. */
  readonly at: string;
  /** Ticket file as it is typed from the working folder. */
  readonly ticket: string;
  readonly workflow: string | null;
  readonly state: FeatureState;
  /** One sentence. */
  readonly reason: string;
  /** The release in force; null = the registry has none here. */
  readonly release: {
    readonly name: string;
    readonly fingerprint: string;
    readonly provider: string;
    readonly model: string | null;
    readonly since: string;
    readonly by: string;
    readonly why: string;
    readonly quality: MeasuredQuality | null;
  } | null;
  /** The release before, which `registry restore` goes back to. */
  readonly before: { readonly name: string; readonly fingerprint: string } | null;
  readonly control: PlaybookRelease & { readonly approved: string | null };
  readonly candidate: PlaybookRelease;
  readonly suite: { readonly file: string; readonly name: string | null; readonly problem: string | null };
  /** The newest rollout; null = there was none. */
  readonly rollout: {
    readonly id: string;
    readonly status: RolloutStatus;
    readonly percent: number;
    readonly reason: string;
    readonly since: string;
    readonly by: string;
  } | null;
  /** The newest rollback that `rollback --apply` began; null = there was none. */
  readonly applied: {
    readonly id: string;
    readonly status: AppliedStatus;
    readonly target: string;
    /** Of the traffic that gets the target. */
    readonly percent: number;
    readonly reason: string;
    readonly since: string;
    readonly by: string;
  } | null;
  readonly episodes: readonly OpenEpisode[];
  readonly stops: readonly GuardStop[];
  readonly pendingApprovals: number;
  /** Of the last 24 hours, beside the 24 hours before; null = nothing was observed. */
  readonly signals: {
    readonly from: string;
    readonly to: string;
    readonly observations: number;
    readonly now: readonly SignalValue[];
    readonly before: readonly SignalValue[] | null;
  } | null;
  readonly monitors: readonly PlaybookMonitor[];
  readonly gates: readonly {
    readonly signal: string;
    readonly rule: string;
    readonly action: RolloutGate['action'];
    readonly flags: FlagValues;
  }[];
  /** Is a webhook set that alerts are posted to? */
  readonly webhook: boolean;
  readonly firstRollback: { readonly restore: readonly LayerName[]; readonly flags: FlagValues } | null;
  readonly target: PlaybookTarget | null;
  readonly drill: {
    readonly at: string;
    readonly outcome: string;
    readonly ageDays: number;
    readonly where: 'simulator' | 'staging';
    readonly elapsedMs: number;
  } | null;
  /** The newest time that a drill ran all its commands; null = never. */
  readonly rehearsal: Pick<PlaybookCheck, 'at' | 'outcome' | 'counts' | 'elapsedMs'> | null;
  readonly fallbacks: readonly PlaybookFallback[];
  readonly authority: readonly {
    readonly role: Authority;
    /** null = the ticket does not say. */
    readonly who: string | null;
    readonly may: string;
  }[];
  readonly messages: readonly {
    readonly name: CustomerMessage;
    /** null = the ticket has none. */
    readonly text: string | null;
    readonly when: string;
  }[];
  readonly steps: readonly PlaybookStep[];
  /** Commands that write this playbook again, and that check it. */
  readonly again: { readonly write: string; readonly check: string };
  readonly links: readonly { readonly what: string; readonly url: string }[];
  /** The address was not given: the links are of a server on this machine. */
  readonly assumedServer: boolean;
  /** What is not there, or not known; no command was run for it. */
  readonly missing: readonly PlaybookPart[];
}

/** What a command did when it was run for a check. */
export interface CommandRun {
  /** 0 to 5, or 130. */
  readonly exit: number;
  /** The first lines of the result; empty = it printed none. */
  readonly said: string;
  /** null = it ended with a result. */
  readonly error: { readonly message: string; readonly hint: string | null } | null;
}

/** One line of `playbook check`. */
export interface PlaybookCheckLine extends PlaybookPart {
  /** The command that was run; null = a part of the ticket or the ledger. */
  readonly command: string | null;
  readonly step: string | null;
  readonly exit: number | null;
  readonly elapsedMs: number;
}

export interface PlaybookCheck {
  readonly schemaVersion: 1;
  readonly kind: 'playbook-check';
  readonly feature: string;
  readonly environment: string;
  readonly ticket: string;
  /** ISO time of the start. */
  readonly at: string;
  /** `broken` when one line is; else `open` when one could not be decided. */
  readonly outcome: 'works' | 'broken' | 'open';
  readonly counts: { readonly works: number; readonly broken: number; readonly open: number };
  readonly elapsedMs: number;
  readonly lines: readonly PlaybookCheckLine[];
}

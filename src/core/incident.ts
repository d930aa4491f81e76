// The post-mortem of an incident: what changed, when, how it was found, what to do. Facts only; what is not known says so.

import type { JsonObject } from '../base/json.ts';
import type { Comparison } from './comparison.ts';
import type { LayerName, PinState } from './release.ts';
import type { RollbackDecision } from './rollback.ts';
import type { SnapshotSummary } from './snapshot.ts';
import type { MoveFacts } from './timeline.ts';

/** What production of the feature did around the incident. Times are ISO. */
export interface IncidentProduction {
  readonly feature: string;
  readonly from: string;
  readonly to: string;
  readonly observations: number;
  /** First move of each signal, the earliest first. */
  readonly moves: readonly {
    readonly at: string;
    /** What users did with the answers, rather than the answers themselves. */
    readonly byUsers: boolean;
    readonly move: MoveFacts;
  }[];
  /** Signals that could not be judged. */
  readonly unjudged: readonly string[];
  /** Drifts that the feature's monitors show in this time, the earliest first; null = the feature has no monitors. */
  readonly drifts:
    | readonly {
        readonly monitor: string;
        readonly action: 'warn' | 'alert';
        /** End of the window that showed it: when the monitor would have called. */
        readonly at: string;
      }[]
    | null;
}

/** A share of failing trials before and after. */
export interface FailureRates {
  readonly name: string;
  /** Cases behind it. */
  readonly cases: number;
  readonly before: { readonly failed: number; readonly trials: number };
  readonly after: { readonly failed: number; readonly trials: number };
  /** Verdict of the slice, where it was tested. */
  readonly verdict?: string | undefined;
}

/** One output before and after, chosen because it shows the change. Model text, as hostile as any. */
export interface IncidentExample {
  readonly caseId: string;
  /** `worse`: passed more often before; `better`: the other side of a trade. */
  readonly direction: 'worse' | 'better';
  readonly tags: readonly string[];
  /** The last thing said to the model. */
  readonly input: string;
  readonly expected: string | null;
  readonly before: string;
  readonly after: string;
  readonly beforePassed: number;
  readonly beforeTrials: number;
  readonly afterPassed: number;
  readonly afterTrials: number;
  /** Why the later answer fails, from its graders. */
  readonly reasons: readonly string[];
}

/** The one text that a side answered most often. */
export interface CommonestAnswer {
  readonly text: string;
  readonly count: number;
  /** Answered trials of the compared cases. */
  readonly of: number;
}

/** Something that a person or the ledger knows to have happened. */
export interface TimelineEntry {
  /** ISO time. */
  readonly at: string;
  /** e.g. `deploy`, `provider`, `release`, `served model`, `baseline`, `first bad run`, `rollback`. */
  readonly kind: string;
  readonly text: string;
  /** Where it is known from: `ledger`, `event`, `file`, `told`. */
  readonly source: 'ledger' | 'event' | 'file' | 'told';
  readonly ref?: string | undefined;
}

/** One release giving way to another in the ledger, with readable differences. */
export interface ConfigurationChange {
  readonly at: string;
  readonly snapshot: string;
  readonly release: string;
  readonly from: string;
  readonly to: string;
  readonly layers: readonly { readonly layer: LayerName; readonly lines: readonly string[] }[];
}

/** Configuration of a snapshot, as far as it was recorded. */
export interface RecordedConfiguration {
  readonly release: string;
  readonly fingerprint: string;
  readonly provider: string;
  readonly model: string | null;
  readonly params: JsonObject;
  readonly pin: PinState;
  /** null entries = the provider did not disclose it. */
  readonly servedModels: readonly (string | null)[];
  readonly layers: readonly LayerName[];
}

/** A measure that moved far enough to be noticed, at the first run from which it stayed that way. */
export interface Signal {
  /** e.g. `pass rate`, `tag prime`, `length`, `min-pass-rate`. */
  readonly name: string;
  /** `fail`: the gate would have gone red; `warn`: it would have been written down only. */
  readonly strength: 'fail' | 'warn';
  readonly at: string;
  readonly snapshot: string;
  readonly message: string;
}

export interface FollowUp {
  readonly action: string;
  /** The fact it follows from. */
  readonly why: string;
  /** `prevent`, `detect`, `repair` or `learn`. */
  readonly kind: 'prevent' | 'detect' | 'repair' | 'learn';
}

/** A snapshot in short. */
export type IncidentArm = Pick<
  SnapshotSummary,
  'id' | 'release' | 'fingerprint' | 'startedAt' | 'passRate' | 'validity' | 'cases' | 'trials' | 'simulated'
>;

export interface IncidentReport {
  readonly schemaVersion: 1;
  readonly kind: 'incident';
  readonly suite: string;
  /** ISO time the report was made. */
  readonly writtenAt: string;
  readonly good: IncidentArm;
  readonly bad: IncidentArm;
  readonly comparison: Comparison;
  readonly behaviour: {
    readonly templates: readonly FailureRates[];
    readonly categories: readonly FailureRates[];
    /** Failing trials by grader. */
    readonly graders: readonly FailureRates[];
    readonly examples: readonly IncidentExample[];
    /** null = nothing was answered. */
    readonly commonest: { readonly before: CommonestAnswer | null; readonly after: CommonestAnswer | null };
    /** For tags that got better: how many of their passing trials gave the commonest answer of the bad side. */
    readonly gainsByCommonest: readonly {
      readonly tag: string;
      readonly passed: number;
      readonly same: number;
    }[];
    /** Shortest and longest twentieth of the good answers, characters; null when unknown. */
    readonly usualLength: { readonly p05: number; readonly p95: number } | null;
  };
  readonly configuration: {
    /** Start of the window, ISO time. */
    readonly since: string;
    readonly good: RecordedConfiguration;
    readonly bad: RecordedConfiguration;
    /** Good to bad, layer by layer. */
    readonly difference: readonly {
      readonly layer: LayerName;
      readonly state: string;
      readonly lines: readonly string[];
    }[];
    /** Changes of release within the window, oldest first. */
    readonly changes: readonly ConfigurationChange[];
  };
  readonly timeline: readonly TimelineEntry[];
  readonly detection: {
    /** When it began, as the user said; null = not said. */
    readonly since: string | null;
    readonly detectedAt: string | null;
    readonly resolvedAt: string | null;
    /** When a nightly run raised an alert for it; null = none is kept. */
    readonly alertAt: string | null;
    /** The last run that was still good and the first that was not. */
    readonly lastGood: { readonly id: string; readonly at: string } | null;
    readonly firstBad: { readonly id: string; readonly at: string };
    /** Runs of the suite between the good and the bad snapshot, both included, that were looked at. */
    readonly runsLookedAt: number;
    /** Earliest first; the first one is what should have called. */
    readonly signals: readonly Signal[];
    /** Hours from the start (or, where that is not known, the last good run) to detection; null = not known. */
    readonly hoursToDetect: number | null;
    readonly hoursToResolve: number | null;
    /** Usual hours between runs of the suite around the incident; null with fewer than 3 runs. */
    readonly hoursBetweenRuns: number | null;
  };
  /** What users saw, from observations of the feature; absent = no feature was named. */
  readonly production?: IncidentProduction | undefined;
  readonly coverage: {
    readonly caught: boolean;
    readonly sentence: string;
    /** Cases that show it, worst first. */
    readonly cases: readonly string[];
    readonly drafts: readonly JsonObject[];
    /** What to know before adding the drafts. */
    readonly draftNote: string;
  };
  readonly rollback: { readonly at: string; readonly decision: RollbackDecision } | null;
  readonly followUps: readonly FollowUp[];
  /** What a reader would ask and the data do not answer. */
  readonly unknowns: readonly string[];
}

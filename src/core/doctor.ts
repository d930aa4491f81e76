// What `doctor` finds: whether this machine can work, and what the server of a release supports.

import type { WireApi } from './model-apis.ts';
import type { PinState } from './release.ts';

export interface DoctorCheck {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What the server said to a release's calls. */
export interface ReleaseProbe {
  readonly release: string;
  readonly fingerprint: string;
  readonly provider: string;
  readonly api: WireApi;
  readonly model: string;
  readonly pin: PinState;
  /** Calls that were made; those that the server refused are counted too. */
  readonly calls: number;
  /** US dollars; null = unknown. */
  readonly costUsd: number | null;
  /** Under which a price file may have the price, the first that counts. */
  readonly priceKeys: readonly string[];
  readonly features: readonly Feature[];
  /** The release's params as the server takes them. */
  readonly params: {
    readonly sent: readonly { readonly name: string; readonly as: string }[];
    readonly dropped: readonly string[];
  };
  readonly served: {
    readonly model: string | null;
    readonly systemFingerprint: string | null;
    readonly serviceTier: string | null;
    readonly region: string | null;
  };
  /** What snapshots will record as unknown, and what follows from that. */
  readonly unknown: readonly string[];
}

/** `no`: refused, or taken and not kept to. `unknown`: not tried, or the answer does not tell. */
export interface Feature {
  readonly feature: FeatureName;
  readonly state: 'yes' | 'no' | 'unknown';
  readonly detail: string;
}

export const FEATURES = [
  'model-list',
  'json-schema',
  'json-object',
  'streaming',
  'tools',
  'usage',
  'fingerprint',
  'served-model',
] as const;
type FeatureName = (typeof FEATURES)[number];

/** What a probe is about to call. */
export interface ProbePlan {
  readonly release: string;
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly outputTokensUpper: number;
  /** US dollars for all calls; null = unknown. */
  readonly costUpperUsd: number | null;
}

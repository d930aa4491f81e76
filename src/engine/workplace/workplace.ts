// Everything a job needs from outside, handed in once from the top.

import type { Clock, Env, Progress, Rng, SecretMask } from '../../base/index.ts';
import {
  type Prices,
  type Provider,
  type Release,
  type SnapshotEnvironment,
  type SnapshotStore,
  wholeRelease,
} from '../../core/index.ts';
import type { ProjectFolder } from '../../ledger/model/project-folder.ts';
import type { ServerFacts } from '../../provider/output-form.ts';
import type { Timers } from '../../run/index.ts';
import type { Privacy } from './privacy.ts';

export interface Workplace {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly env: Env;
  readonly mask: SecretMask;
  readonly progress: Progress;
  /** null = no price file: every cost is unknown. */
  readonly prices: Prices | null;
  readonly environment: SnapshotEnvironment;
  /** Graceful: nothing new is started, calls in flight finish. */
  readonly signal: AbortSignal;
  /** At once: calls in flight are dropped. */
  readonly hardSignal: AbortSignal;
  /** What calls have taught about servers, for the providers that are opened later. */
  readonly servers?: Map<string, ServerFacts> | undefined;
  /** What may be judged and written of a run; absent = everything. */
  readonly privacy?: Privacy | null | undefined;
  /** Waiting; absent = Node's own timers. */
  readonly timers?: Timers | undefined;
  /** The folder from which places of files are kept and exported; absent = as they are given. */
  readonly project?: ProjectFolder | undefined;
  /** Who answers for a release, where it is not the provider its route names: a drill's stand-in, a scripted world. */
  readonly providerFor?: ((release: Release) => Promise<Provider>) | undefined;
}

/** The provider of a release, ready to be called: the workplace's own stand-in, or what its route names. */
export async function providerOf(work: Workplace, release: Release): Promise<Provider> {
  const provider = await idleProviderOf(work, release);
  await provider.ready?.();
  return provider;
}

/** The same where perhaps no call is needed: missing keys are reported, but what a call needs is not loaded yet. */
export async function idleProviderOf(work: Workplace, release: Release): Promise<Provider> {
  wholeRelease(release, 'called');
  const own = work.providerFor?.(release);
  if (own !== undefined) return own;
  // What only reads the ledger never needs one.
  const { createProvider } = await import('../../provider/index.ts');
  const { consentToRoute } = await import('./consent.ts');
  await consentToRoute(work, release);
  return createProvider(release, { env: work.env, mask: work.mask, servers: work.servers });
}

// Everything a job needs from outside, handed in once from the top.

import type {
  Clock,
  Env,
  Prices,
  Progress,
  Provider,
  Release,
  Rng,
  SecretMask,
  SnapshotEnvironment,
  SnapshotStore,
} from '../core/index.ts';
import type { ProjectFolder } from '../snapshot/index.ts';
import type { Privacy } from './run/privacy.ts';

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
  /** What may be judged and written of a run; absent = everything. */
  readonly privacy?: Privacy | null | undefined;
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

/** The same where it may turn out that nobody has to be asked: what is missing for calls is told, what they need is not loaded yet. */
export async function idleProviderOf(work: Workplace, release: Release): Promise<Provider> {
  const own = work.providerFor?.(release);
  if (own !== undefined) return own;
  // What only reads the ledger never needs one.
  const { createProvider } = await import('../provider/index.ts');
  return createProvider(release, { env: work.env, mask: work.mask });
}

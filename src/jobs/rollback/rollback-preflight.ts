// Can a candidate be called at all? Keys, templates and the provider's catalogue are looked at before any paid call.

import { contentHash, LastgoodError } from '../../base/index.ts';
import { type Failure, missingLayers, type Rejection, type Suite } from '../../core/index.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import type { Candidate } from '../../rollback/index.ts';
import { checkRequests } from '../../run/index.ts';

const CATALOGUE_WAIT_MS = 10_000;

type Refusal = Pick<Rejection, 'reason' | 'detail'>;

/** Remembers what became of each route, so that no second candidate pays to learn the same. */
export class RoutePreflight {
  readonly #fates = new Map<string, Refusal | null>();
  readonly #work: Workplace;
  readonly #suite: Suite;

  constructor(work: Workplace, suite: Suite) {
    this.#work = work;
    this.#suite = suite;
  }

  /** Why the candidate cannot be a target; null = nothing speaks against calling it. */
  async refusal(candidate: Pick<Candidate, 'release'>): Promise<Refusal | null> {
    const missing = missingLayers(candidate.release);
    if (missing.length > 0)
      return { reason: 'unreachable', detail: `its stored ${missing.join(', ')} layer is not whole` };
    const broken = checkRequests(this.#suite.cases, candidate.release)[0];
    if (broken !== undefined)
      return { reason: 'unreachable', detail: `the suite cannot be sent to it: ${broken.message}` };
    const key = routeKey(candidate);
    const known = this.#fates.get(key);
    if (known !== undefined) return known;
    const fate = await this.#look(candidate);
    this.#fates.set(key, fate);
    return fate;
  }

  /** A call that failed for good decides for every candidate on the same route. */
  failed(candidate: Pick<Candidate, 'release'>, failure: Failure): Refusal {
    const { route } = candidate.release.layers;
    const model = typeof route['model'] === 'string' ? ` for ${route['model']}` : '';
    const refusal: Refusal =
      failure.code === 'unknown_model'
        ? {
            reason: 'retired_model',
            detail: `the provider no longer serves its model${model}: ${failure.message}`,
          }
        : {
            reason: 'unreachable',
            detail: `calls to it fail for good (${failure.code}): ${failure.message}`,
          };
    this.#fates.set(routeKey(candidate), refusal);
    return refusal;
  }

  async #look(candidate: Pick<Candidate, 'release'>): Promise<Refusal | null> {
    const work = this.#work;
    let provider: Awaited<ReturnType<typeof providerOf>>;
    try {
      provider = await providerOf(work, candidate.release);
    } catch (error) {
      if (error instanceof LastgoodError) return { reason: 'unreachable', detail: error.message };
      throw error;
    }
    try {
      const facts = await provider.modelFacts?.(
        AbortSignal.any([work.hardSignal, AbortSignal.timeout(CATALOGUE_WAIT_MS)]),
      );
      if (facts === undefined) return null;
      if ('kind' in facts) {
        return facts.code === 'auth' || facts.code === 'forbidden'
          ? { reason: 'unreachable', detail: `the provider refuses the key: ${facts.message}` }
          : null;
      }
      if (facts.state !== 'retired') return null;
      return {
        reason: 'retired_model',
        detail: `the provider's catalogue lists ${facts.id} as retired${facts.retiresAt === undefined ? '' : ` since ${facts.retiresAt}`}`,
      };
    } finally {
      await provider.close?.();
    }
  }
}

/** Routes that are called the same way, with the same key. */
function routeKey({ release }: Pick<Candidate, 'release'>): string {
  return contentHash({ route: release.layers.route, paths: { ...release.paths } });
}

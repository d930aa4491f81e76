// The providers of personas that play users: made when the first one is asked, closed with the run.

import { contentHash, type JsonObject, LastgoodError } from '../../base/index.ts';
import {
  type Failure,
  fingerprintLayers,
  type Persona,
  type Provider,
  type Release,
} from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

interface Played {
  readonly release: Release;
  readonly provider: Provider;
}

export class Personas {
  readonly #work: Pick<Workplace, 'env' | 'mask'>;
  readonly #played = new Map<string, Played>();
  readonly #made: Promise<Provider | Failure>[] = [];

  constructor(work: Pick<Workplace, 'env' | 'mask'>) {
    this.#work = work;
  }

  /** The same persona is the same release, whichever case it stands in; only its system text may differ. */
  of({ name, layers }: Persona): Played {
    const { route, params } = layers;
    const key = contentHash({ route, params: params ?? {} } as JsonObject);
    const known = this.#played.get(key);
    if (known !== undefined) return known;
    const own = { route, ...(params === undefined ? {} : { params }) };
    const release: Release = {
      name,
      file: null,
      layers: own,
      ...fingerprintLayers(own),
      pin: { state: 'unknown', reason: 'a persona is not a subject' },
      dependents: [],
      paths: {},
    };
    const played = { release, provider: this.#provider(release) };
    this.#played.set(key, played);
    return played;
  }

  async close(): Promise<void> {
    for (const made of await Promise.all(this.#made)) if ('call' in made) await made.close?.();
  }

  #provider(release: Release): Provider {
    let made: Promise<Provider | Failure> | null = null;
    return {
      name: String(release.layers.route.provider),
      call: async (request, signal) => {
        if (made === null) {
          // Loaded with the first call: most runs have no personas.
          made = import('../../provider/create-provider.ts')
            .then(({ createProvider }) => createProvider(release, this.#work))
            .catch(cannotPlay);
          this.#made.push(made);
        }
        const provider = await made;
        return 'call' in provider ? provider.call(request, signal) : provider;
      },
    };
  }
}

/** A missing key or a wrong address: no trial with this persona can go on. */
function cannotPlay(error: unknown): Failure {
  if (!(error instanceof LastgoodError)) throw error;
  return {
    kind: 'failed',
    cause: 'infra_error',
    code: 'auth',
    message: `the simulated user cannot be asked: ${error.message}`,
    httpStatus: 401,
    retryable: false,
    fatal: true,
    latencyMs: 0,
  };
}

// How the simulated application reads its flags: through the OpenFeature SDK where it is installed, else over plain OFREP.

import type { FlagValue } from '../../core/index.ts';

interface FlagContext {
  readonly feature: string;
  /** The user. */
  readonly targetingKey?: string;
}

export interface FlagReader {
  /** The package; null = plain HTTP. */
  readonly sdk: string | null;
  /** The value, or the default where there is no answer of its type. */
  read<T extends FlagValue>(key: string, otherwise: T, context: FlagContext): Promise<T>;
  close(): Promise<void>;
}

const SDK = '@openfeature/server-sdk';
/** An answer that takes longer is the default. */
const TIMEOUT_MS = 5000;

/** `load`: the SDK, or null where it is not installed. */
export async function openFlagReader(baseUrl: string, load = loadSdk): Promise<FlagReader> {
  const loaded = await load();
  return loaded === null ? plainReader(baseUrl) : sdkReader(baseUrl, loaded);
}

type Sdk = typeof import('@openfeature/server-sdk');
type Provider = typeof import('@openfeature/ofrep-provider');

async function loadSdk(): Promise<(Pick<Sdk, 'OpenFeature'> & Pick<Provider, 'OFREPProvider'>) | null> {
  try {
    const [{ OpenFeature }, { OFREPProvider }] = await Promise.all([
      import('@openfeature/server-sdk'),
      import('@openfeature/ofrep-provider'),
    ]);
    return { OpenFeature, OFREPProvider };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return null;
    throw cause;
  }
}

async function sdkReader(
  baseUrl: string,
  { OpenFeature, OFREPProvider }: Pick<Sdk, 'OpenFeature'> & Pick<Provider, 'OFREPProvider'>,
): Promise<FlagReader> {
  const domain = 'lastgood-demo';
  // The provider itself has no time limit before 0.2.
  const fetchImplementation = (request: string | URL | Request): Promise<Response> =>
    fetch(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl, fetchImplementation }));
  const client = OpenFeature.getClient(domain);
  return {
    sdk: SDK,
    async read<T extends FlagValue>(key: string, otherwise: T, context: FlagContext): Promise<T> {
      const given = { ...context };
      if (typeof otherwise === 'number') return (await client.getNumberValue(key, otherwise, given)) as T;
      if (typeof otherwise === 'boolean') return (await client.getBooleanValue(key, otherwise, given)) as T;
      return (await client.getStringValue(key, otherwise, given)) as T;
    },
    close: () => OpenFeature.clearProviders(),
  };
}

function plainReader(baseUrl: string): FlagReader {
  return {
    sdk: null,
    async read<T extends FlagValue>(key: string, otherwise: T, context: FlagContext): Promise<T> {
      try {
        const answer = await fetch(`${baseUrl}/ofrep/v1/evaluate/flags/${encodeURIComponent(key)}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ context }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const { value } = (await answer.json()) as { readonly value?: unknown };
        return answer.ok && typeof value === typeof otherwise ? (value as T) : otherwise;
      } catch {
        return otherwise;
      }
    },
    close: async () => {},
  };
}

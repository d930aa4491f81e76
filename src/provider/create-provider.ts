// From a release's route to the provider that answers it; each provider's code loads only when it is asked for.

import type { Provider } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { ProviderContext } from './route.ts';

/**
 * The provider of the release's route. Makes no call.
 * Throws `LastgoodError` when a key or another environment variable is missing, a template does not parse or a recording is not what the release named.
 */
export async function createProvider(release: Release, context: ProviderContext): Promise<Provider> {
  switch (release.layers.route.provider) {
    case 'openai':
      return (await import('./openai.ts')).openaiProvider(release, context);
    case 'anthropic':
      return (await import('./anthropic.ts')).anthropicProvider(release, context);
    case 'http':
      return (await import('./http.ts')).httpProvider(release, context);
    case 'command':
      return (await import('./command.ts')).commandProvider(release, context);
    case 'replay':
      return (await import('./replay.ts')).replayProvider(release, context);
  }
}

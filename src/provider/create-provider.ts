// From a release's route to the provider that answers it; each provider's code loads only when it is asked for.

import { wireApiOf } from '../core/model-apis.ts';
import type { Provider } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { claimHostedSecrets } from './hosted-tools.ts';
import type { ProviderContext } from './route.ts';

/**
 * The provider of the release's route. Makes no call.
 * Throws `LastgoodError` when a key or another environment variable is missing, a template does not parse or a recording is not what the release named.
 */
export async function createProvider(release: Release, context: ProviderContext): Promise<Provider> {
  if (release.layers.tools !== undefined) claimHostedSecrets(release, context);
  switch (release.layers.route.provider) {
    case 'http':
      return (await import('./http.ts')).httpProvider(release, context);
    case 'command':
      return (await import('./command.ts')).commandProvider(release, context);
    case 'replay':
      return (await import('./replay.ts')).replayProvider(release, context);
    default:
      return wireApiOf(release.layers.route) === 'messages'
        ? (await import('./anthropic.ts')).anthropicProvider(release, context)
        : (await import('./openai.ts')).openaiProvider(release, context);
  }
}

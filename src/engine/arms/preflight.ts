// Asks each provider's catalogue for the models of a run before the first paid call: a retired one stops it, one near its end gives a warning.

import { LastgoodError } from '../../base/index.ts';
import { type Failure, type Finding, layerText, type Provider, type Release } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** A catalogue that does not answer by then is no reason to wait. */
const LONGEST_MS = 5_000;

export interface Examinee {
  readonly release: Release;
  readonly provider: Provider;
}

/**
 * Free of charge: only catalogues are asked, and only where there is one. By default that is the provider's own service; a server under
 * another address (a gateway, a local model) often has none, and is asked only when `preflight` is true.
 * Throws `MODEL_RETIRED` and `KEY_REFUSED`. What a catalogue cannot or will not say stops nothing.
 */
export async function preflight(
  work: Workplace,
  models: readonly Examinee[],
  asked: boolean | undefined,
): Promise<Finding[]> {
  const distinct = new Map(models.map((m) => [m.release.layerHashes.route ?? m.release.fingerprint, m]));
  const findings = environmentFindings(work, [...distinct.values()]);
  if (asked === false) return findings;
  for (const { release, provider } of distinct.values()) {
    const elsewhere = release.layers.route['base-url'] !== undefined;
    if (provider.modelFacts === undefined || (elsewhere && asked !== true)) continue;
    const facts = await provider.modelFacts(AbortSignal.any([work.signal, AbortSignal.timeout(LONGEST_MS)]));
    if ('kind' in facts && facts.code === 'auth') throw keyRefused(provider.name, facts, release);
    if ('kind' in facts) continue;
    const model = layerText(release.layers.route, 'model') ?? facts.id;
    if (facts.state === 'retired') {
      throw new LastgoodError({
        code: 'MODEL_RETIRED',
        message: `${provider.name} no longer serves "${model}"${facts.retiresAt === undefined ? '' : ` (since ${facts.retiresAt})`}; nothing was called`,
        where: { file: release.file ?? undefined, key: 'route.model' },
        hint: 'name a model that is served, or pass --no-preflight if the catalogue is wrong',
        exitCode: 4,
      });
    }
    if (facts.state !== 'deprecated') continue;
    const message = `"${model}" is deprecated${facts.retiresAt === undefined ? '' : ` and will not be served after ${facts.retiresAt}`}; snapshots made with it cannot be repeated then, and it cannot be a rollback target`;
    work.progress.warn({
      code: 'MODEL_RETIRING',
      message,
      hint: 'plan the change while both models can still be compared',
    });
    findings.push({ code: 'MODEL_RETIRING', message });
  }
  return findings;
}

/** Settings of the environment that take part in calls: the same release would be another one on the next machine. */
function environmentFindings(work: Workplace, models: readonly Examinee[]): Finding[] {
  const messages = models.flatMap(({ provider }) =>
    (provider.environment ?? []).map(
      ({ variable, effect }) => `${variable} of the environment ${effect}; the fingerprint does not cover it`,
    ),
  );
  return [...new Set(messages)].map((message) => {
    work.progress.warn({
      code: 'ENVIRONMENT_CHANGES_CALLS',
      message,
      hint: 'unset it, or name it in the route: `organization: ID`, `headers: { x-name: … }`',
    });
    return { code: 'ENVIRONMENT_CHANGES_CALLS', message };
  });
}

/** The catalogue takes the same key as the calls. A 403 is another matter: a key may be allowed to call and not to read the catalogue. */
function keyRefused(provider: string, refusal: Failure, release: Release): LastgoodError {
  return new LastgoodError({
    code: 'KEY_REFUSED',
    message: `${provider} refuses the API key: ${refusal.message}; nothing was called`,
    where: { file: release.file ?? undefined, key: 'route.provider' },
    hint: 'check the key in the environment; pass --no-preflight if only the catalogue refuses it',
    exitCode: 4,
  });
}

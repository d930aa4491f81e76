// Asks each provider's catalogue for the models of a run before the first paid call: a retired one stops it, one near its end is told.

import { type Finding, LastgoodError, layerText, type Provider, type Release } from '../../core/index.ts';
import type { Workplace } from '../workplace.ts';

/** A catalogue that does not answer by then is no reason to wait. */
const LONGEST_MS = 5_000;

export interface Examinee {
  readonly release: Release;
  readonly provider: Provider;
}

/**
 * Free of charge: only catalogues are asked, and only where there is one. By default that is the provider's own service; a server under
 * another address (a gateway, a local model) often has none, and is asked only when `preflight` is true.
 * Throws `MODEL_RETIRED`. What a catalogue cannot or will not say stops nothing.
 */
export async function preflight(
  work: Workplace,
  models: readonly Examinee[],
  asked: boolean | undefined,
): Promise<Finding[]> {
  if (asked === false) return [];
  const distinct = new Map(models.map((m) => [m.release.layerHashes.route ?? m.release.fingerprint, m]));
  const findings: Finding[] = [];
  for (const { release, provider } of distinct.values()) {
    const elsewhere = release.layers.route['base-url'] !== undefined || ownAddress(work, release);
    if (provider.modelFacts === undefined || (elsewhere && asked !== true)) continue;
    const facts = await provider.modelFacts(AbortSignal.any([work.signal, AbortSignal.timeout(LONGEST_MS)]));
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
    const message = `"${model}" is deprecated${facts.retiresAt === undefined ? '' : ` and will not be served after ${facts.retiresAt}`}; snapshots made with it cannot be repeated then, and it is no rollback target`;
    work.progress.warn({
      code: 'MODEL_RETIRING',
      message,
      hint: 'plan the change while both models can still be compared',
    });
    findings.push({ code: 'MODEL_RETIRING', message });
  }
  return findings;
}

/** The SDKs take another address from the environment too. */
function ownAddress(work: Workplace, release: Release): boolean {
  const name = release.layers.route.provider === 'anthropic' ? 'ANTHROPIC_BASE_URL' : 'OPENAI_BASE_URL';
  return (work.env(name) ?? '') !== '';
}

// Deprecating an earlier release: it stays reachable until a date, and is not served from then on.

import { LastgoodError, shortHash } from '../../base/index.ts';
import type { Deprecation, ShippingStore } from '../../core/index.ts';
import { decisionText, signed } from '../../engine/records/signature.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { currentOf, registryOf } from '../../rollout/registry.ts';
import { checkName } from './names.ts';
import { knownPlace } from './set-pointer.ts';

/** Throws `REGISTRY_UNKNOWN` for a release that the feature never pointed to, `REGISTRY_CURRENT` for the one in force. */
export async function deprecateRelease(
  work: Pick<Workplace, 'mask' | 'clock'>,
  shipping: ShippingStore,
  request: {
    readonly feature: string;
    readonly environment: string;
    /** Name or the first digits of a fingerprint. */
    readonly release: string;
    readonly until: Date;
    readonly message: string;
    readonly by?: string | undefined;
    readonly why?: string | undefined;
  },
): Promise<Deprecation> {
  const { feature, environment } = checkName(request);
  const command = `registry deprecate ${feature} ${request.release} --until DATE --message TEXT`;
  const { by, why } = signed(work.mask, { ...request, command });
  const message = decisionText(work.mask, '--message', request.message);
  if (message === '')
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: '--message says nothing; users of the old release read it',
    });
  const now = work.clock.now();
  if (request.until <= now)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: `--until ${request.until.toISOString()} is not in the future`,
      hint: 'users of the old release need time to move: name a later date',
    });
  const place = knownPlace(registryOf(await shipping.changes(0)), feature, environment);
  const asked = request.release;
  const found = place.pointers.findLast(
    (p) => p.release === asked || (/^[0-9a-f]{6,64}$/.test(asked) && p.fingerprint.startsWith(asked)),
  );
  if (found === undefined)
    throw new LastgoodError({
      code: 'REGISTRY_UNKNOWN',
      message: `${feature} never pointed to a release ${JSON.stringify(asked)} in ${environment}`,
      hint: `it pointed to ${[...new Set(place.pointers.map((p) => `${p.release} ${shortHash(p.fingerprint)}`))].join(', ')}`,
    });
  if (found.fingerprint === currentOf(place).fingerprint)
    throw new LastgoodError({
      code: 'REGISTRY_CURRENT',
      message: `${feature} points to ${found.release} in ${environment}: it cannot be deprecated while it is in force`,
      hint: `point to another release first: lastgood registry set ${feature} RELEASE`,
    });
  const body = { release: found.release, until: request.until.toISOString(), message };
  const at = now.toISOString();
  await shipping.append({
    ...{ kind: 'deprecation', feature, environment, name: found.fingerprint, at, by, why },
    body,
  });
  return { ...body, feature, environment, fingerprint: found.fingerprint, at, by, why };
}

// Reads a flag from a running server as an application does: over OFREP.

import { LastgoodError } from '../base/errors.ts';
import type { FlagAnswer, FlagErrorCode, FlagReason, FlagValue } from '../core/index.ts';

const TIMEOUT_MS = 5000;

/** Throws `SERVER_ANSWER` where no server answers, or with something else than OFREP. */
export function ofrepReader(
  url: string,
  token: string | undefined,
): (key: string, targetingKey: string, feature: string | null) => Promise<FlagAnswer> {
  const base = url.replace(/\/+$/, '');
  return async (key, targetingKey, feature) => {
    const failed = (what: string): LastgoodError =>
      new LastgoodError({
        code: 'SERVER_ANSWER',
        message: `${base} ${what}`,
        hint: 'is `lastgood serve` running there, and is the token set?',
        exitCode: 4,
      });
    const response = await fetch(`${base}/ofrep/v1/evaluate/flags/${encodeURIComponent(key)}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ context: { targetingKey, ...(feature === null ? {} : { feature }) } }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: Error) => {
      throw failed(`does not answer (${cause.name})`);
    });
    const body = (await response.json().catch(() => null)) as Record<string, unknown> | null;
    if (response.status === 200 && body !== null && 'value' in body)
      return {
        ...{ ok: true, key, value: body['value'] as FlagValue, reason: body['reason'] as FlagReason },
        ...{ variant: typeof body['variant'] === 'string' ? body['variant'] : null, metadata: {} },
      };
    if (typeof body?.['errorCode'] !== 'string') throw failed(`answers with status ${response.status}`);
    return {
      ...{ ok: false, key, errorCode: body['errorCode'] as FlagErrorCode },
      errorDetails: String(body['errorDetails'] ?? ''),
    };
  };
}

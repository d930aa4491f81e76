// What went wrong with a call, as a stable code with its consequences: may it be tried again, does it end the run?

import type { JsonObject } from '../base/json.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { Failure, FailureCause, RateLimitHint } from '../core/provider.ts';
import { ReplyTooLarge } from './transport.ts';

/** A failure before it has its times and its mask. */
export interface Problem {
  readonly cause: FailureCause;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly fatal: boolean;
  readonly unreached?: true | undefined;
  readonly httpStatus?: number | undefined;
  readonly requestId?: string | null | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly rateLimit?: RateLimitHint | undefined;
}

/** Longer messages are cut here: an error page is not a message. */
const LONGEST_MESSAGE = 500;

/** The reply for a problem; the message is masked first and cut after, so that no half of a secret survives the cut. */
export function failed(problem: Problem, mask: SecretMask, latencyMs: number, sent?: JsonObject): Failure {
  const message = mask.text(problem.message).replace(/\s+/g, ' ').trim();
  return {
    kind: 'failed',
    ...problem,
    message: message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 1)}…` : message,
    ...(problem.requestId ? { requestId: mask.text(problem.requestId) } : {}),
    latencyMs,
    ...(sent === undefined ? {} : { sent: mask.json(sent) }),
  };
}

/** A problem of the provider or the network that another attempt cannot cure, unless `more` says otherwise. */
export function infraProblem(
  code: string,
  message: string,
  more: Partial<Omit<Problem, 'cause' | 'code' | 'message'>> = {},
): Problem {
  return { cause: 'infra_error', code, message, retryable: false, fatal: false, ...more };
}

/** The caller's signal fired before an answer came. */
export function abortedProblem(signal: AbortSignal): Problem {
  const inTime = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  return {
    cause: 'timeout',
    code: 'aborted',
    message: inTime ? 'no answer before the time limit' : 'the call was ended before an answer came',
    retryable: true,
    fatal: false,
  };
}

/** Words by which APIs say that money or a contract, not the moment, is the limit. */
const QUOTA = new Set([
  'insufficient_quota',
  'billing_error',
  'billing_hard_limit_reached',
  'billing_not_active',
  'contract_spend_limit_reached',
  'enforced_spend_limit_reached',
  'linked_organization_spend_limit_reached',
  'linked_organization_billing_unavailable',
]);
const UNKNOWN_MODEL = new Set(['model_not_found', 'deploymentnotfound']);
/** Say "model" only together with status 404: a wrong path or a missing file has the same word. */
const NOT_FOUND = new Set(['not_found_error', 'notfounderror']);
const CONTENT = new Set([
  'content_filter',
  'content_policy_violation',
  'image_content_policy_violation',
  'invalid_prompt',
  'bio_policy',
  'misalignment_policy_violation',
]);

/** What a refused API call means, by status code and the error's own words (`type`, `code`); never by its prose. */
export function apiProblem(refusal: {
  readonly status: number;
  readonly words: readonly (string | null | undefined)[];
  readonly message: string;
  readonly shouldRetry?: string | null | undefined;
}): Problem {
  const { status, message } = refusal;
  const words = refusal.words.flatMap((word) => (typeof word === 'string' ? [word.toLowerCase()] : []));
  const says = (set: ReadonlySet<string>): boolean => words.some((word) => set.has(word));
  const stop = { retryable: false, fatal: true, httpStatus: status };
  const hopeless = { retryable: false, fatal: false, httpStatus: status };
  const passing = { retryable: refusal.shouldRetry !== 'false', fatal: false, httpStatus: status };

  if (says(QUOTA) || status === 402) return infraProblem('quota', message, stop);
  if (says(UNKNOWN_MODEL) || (status === 404 && says(NOT_FOUND)))
    return infraProblem('unknown_model', message, stop);
  if (says(CONTENT) && status < 500) return infraProblem('content_filter', message, hopeless);
  // One refusal may be about this call alone (moderation, a firewall): the run decides by how many there are.
  if (status === 401 || words.includes('api_key_invalid')) return infraProblem('auth', message, hopeless);
  if (status === 403) return infraProblem('forbidden', message, hopeless);
  if (status === 429) return infraProblem('rate_limited', message, passing);
  if (status === 529 || words.includes('overloaded_error'))
    return infraProblem('overloaded', message, passing);
  if (status === 408 || status === 409 || status >= 500)
    return infraProblem('server_error', message, passing);
  if (status === 404) return infraProblem('not_found', message, hopeless);
  if (status >= 300 && status < 400) return infraProblem('redirect', message, hopeless);
  return infraProblem('bad_request', message, hopeless);
}

/** Codes of an attempt that made no connection. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Names of errors of clouds' libraries on a machine that has no credentials: no retry finds some. */
const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'NoCredentials']);

/** The connection broke, could not be made, or ended before the body did. */
export function connectionProblem(error: unknown): Problem {
  const chain: string[] = [];
  let unreached = false;
  for (let e: unknown = error; e instanceof Error && chain.length < 4; e = e.cause) {
    if (e instanceof ReplyTooLarge) return infraProblem('bad_reply', e.message);
    if (NO_CREDENTIALS.has(e.name)) return infraProblem('auth', `no credentials for the call: ${e.message}`);
    const code = (e as NodeJS.ErrnoException).code;
    if (code !== undefined && UNREACHED.has(code)) unreached = true;
    const detail = e.message === '' ? '' : e.message;
    chain.push(code === undefined || detail.includes(code) ? detail : `${code} ${detail}`.trim());
  }
  const said = [...new Set(chain.filter((part) => part !== ''))].at(-1) ?? String(error);
  return infraProblem('connection', `no complete reply: ${said}`, {
    retryable: true,
    ...(unreached ? { unreached } : {}),
  });
}

/** The reply came whole but is not what the API promises. */
export function badReply(message: string, httpStatus?: number): Problem {
  return infraProblem('bad_reply', message, { retryable: true, httpStatus });
}

/** Thrown by `untilAborted`. */
export class Aborted extends Error {}

/** The work's result, or `Aborted` as soon as the signal fires, also when the work does not listen to it. */
export function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Aborted('aborted'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener('abort', stop);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', stop);
        reject(error);
      },
    );
  });
}

/** Milliseconds since a `performance.now()` reading. */
export function msSince(started: number): number {
  return Math.max(0, performance.now() - started);
}

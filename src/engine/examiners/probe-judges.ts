// Asks each judge one small question before the first paid call of the subject: a judge that refuses is known before its run is paid for.

import { randomBytes } from 'node:crypto';
import { isJsonObject, LastgoodError } from '../../base/index.ts';
import {
  type Case,
  type CaseList,
  costOf,
  type Failure,
  isModelApi,
  needsJudge,
  type ProviderReply,
  pricedModel,
  type Release,
} from '../../core/index.ts';
import type { CallLimit, Examined } from '../../grade/context.ts';
import { judgeProbe, probeKey } from '../../grade/judge-probe.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** A judge that answered so recently is not asked again. */
const REMEMBERED_MS = 20 * 3_600_000;
/** A judge that does not answer by then is busy, which stops nothing. */
const LONGEST_MS = 60_000;

export interface ProbeSettings {
  /** false: no judge is asked. */
  readonly preflight?: boolean | undefined;
  /** The probe is a call like the others. */
  readonly judgeLimit?: CallLimit | undefined;
}

/** A judge that cannot be asked. */
export interface RefusedJudge {
  readonly failure: Failure;
  readonly release: Release;
}

/**
 * Probes the judges of these cases that are model APIs. What an overloaded or absent service does not answer stops nothing: calls are
 * retried, and an outage is waited for. Gives what no retry cures (key, model, request); null = nothing is in the way.
 */
export async function probeJudges(
  work: Workplace,
  cases: CaseList,
  judges: readonly Examined[],
  settings: ProbeSettings,
): Promise<RefusedJudge | null> {
  // A stand-in has nothing that could be refused.
  if (settings.preflight === false || work.providerFor !== undefined) return null;
  const apis = judges.filter(({ release }) => isModelApi(release.layers.route.provider));
  if (apis.length === 0 || !anyJudged(cases)) return null;
  for (const judge of new Map(apis.map((one) => [one.release.fingerprint, one])).values())
    if (!(await answeredLately(work, judge))) {
      const failure = await probe(work, judge, settings);
      if (failure !== null) return { failure, release: judge.release };
    }
  return null;
}

/** The refusal as an error that stops a command before anything is paid. */
export function judgeRefused({ failure, release }: RefusedJudge): LastgoodError {
  return new LastgoodError({
    code: 'JUDGE_REFUSED',
    message: `the judge "${release.name}" cannot be asked: ${failure.message} [${failure.code}]; nothing else was called`,
    where: { file: release.file ?? undefined, key: 'route' },
    hint: 'mend the judge release or its key, name another judge (--judge FILE), or pass --no-preflight to skip this probe',
    exitCode: 4,
  });
}

function anyJudged(cases: Iterable<Case>): boolean {
  for (const c of cases) if (c.graders.some(needsJudge)) return true;
  return false;
}

async function answeredLately(work: Workplace, { release }: Examined): Promise<boolean> {
  const known = await work.store.cachedVerdict(probeKey(release));
  const at = isJsonObject(known) && typeof known['at'] === 'string' ? Date.parse(known['at']) : Number.NaN;
  return Math.abs(work.clock.now().getTime() - at) < REMEMBERED_MS;
}

async function probe(
  work: Workplace,
  examined: Examined,
  { judgeLimit }: ProbeSettings,
): Promise<Failure | null> {
  const { release, provider } = examined;
  if (((await judgeLimit?.admit(work.signal, examined)) ?? null) !== null) return null;
  await provider.ready?.();
  const signal = AbortSignal.any([work.signal, AbortSignal.timeout(LONGEST_MS)]);
  const reply = await provider.call(judgeProbe(release, randomBytes(16).toString('hex')), signal);
  judgeLimit?.end({ examined, called: true, costUsd: priceOf(work, release, reply), reply });
  const at = work.clock.now().toISOString();
  if (reply.kind === 'answered') await work.store.keepVerdict(probeKey(release), { at }, at);
  return reply.kind === 'failed' && !reply.retryable ? reply : null;
}

function priceOf(work: Workplace, release: Examined['release'], reply: ProviderReply): number | null {
  if (reply.kind === 'failed') return reply.httpStatus === undefined ? null : 0;
  const model = pricedModel(release.layers.route, reply.served.model);
  return reply.costUsd ?? costOf(work.prices, model, reply.usage, reply.served.serviceTier);
}

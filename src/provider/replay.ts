// The replay provider: answers from recordings, so that recorded behaviour becomes a snapshot like any other.

import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Provider, ProviderReply } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { abortedProblem, failed, infraProblem } from './failure.ts';
import { readRecordings } from './recordings.ts';
import type { ProviderContext } from './route.ts';
import { routeReader } from './route.ts';

/** Reads the recordings. Throws `LastgoodError` when they are missing, changed or malformed. */
export async function replayProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const { route, text, where } = routeReader(release, context);
  const { mask } = context;
  const path = release.paths['recordings'];
  if (path === undefined) {
    throw new LastgoodError({
      code: 'RECORDING_MISSING',
      message: `release "${release.name}" replays recordings, and where they are is not known`,
      hint: 'load the release from its file',
      where: where('file'),
    });
  }
  const sha256 = text('recordings');
  const recordings = await readRecordings({
    path,
    sha256,
    map: objectAt(route, 'map'),
    where: objectAt(route, 'where'),
  });

  return {
    name: 'replay',
    async call({ caseId, trial }, signal): Promise<ProviderReply> {
      if (signal.aborted) return failed(abortedProblem(signal), mask, 0);
      const list = recordings.get(caseId) ?? [];
      const recording = list[trial];
      if (recording === undefined) {
        const have =
          list.length === 0 ? 'no recording' : `${list.length} recording${list.length === 1 ? '' : 's'}`;
        return failed(
          infraProblem(
            'no_recording',
            `there is ${have} of case "${caseId}", and this is trial ${trial + 1}`,
          ),
          mask,
          0,
        );
      }
      const sent: JsonObject = {
        case_id: caseId,
        trial,
        line: recording.line,
        ...(sha256 === undefined ? {} : { recordings: sha256 }),
      };
      const { outcome } = recording;
      if (outcome.kind === 'error') {
        const problem = {
          cause: 'app_error',
          code: 'recorded_error',
          retryable: false,
          fatal: false,
        } as const;
        return failed({ ...problem, message: outcome.message }, mask, 0, sent);
      }
      return {
        kind: 'answered',
        output: mask.json(outcome.output as unknown as JsonValue) as unknown as typeof outcome.output,
        stopReason: outcome.stopReason,
        served: {
          model: outcome.model,
          systemFingerprint: null,
          serviceTier: null,
          region: null,
          requestId: null,
          simulated: true,
        },
        usage: outcome.usage,
        latencyMs: outcome.latencyMs,
        ...(outcome.costUsd === undefined ? {} : { costUsd: outcome.costUsd }),
        sent,
      };
    },
  };
}

function objectAt(route: JsonObject, key: string): JsonObject {
  const value = route[key];
  return isJsonObject(value) ? value : {};
}

// OTLP trace requests into the store: JSON and protobuf come to the same.

import { isDeeperThan, isJsonObject, type JsonValue } from '../../base/json.ts';
import { observationReader } from '../../intake/observations.ts';
import { decodeTraces, ProtobufError } from '../../intake/otlp-protobuf.ts';
import { Losses } from '../../intake/parts/losses.ts';
import type { IntakeReport, ObservationIntake, ReadValue } from './intake.ts';

/** A body that is no trace request; the client must not send it again. */
export class BadTraces extends Error {}

const DEEPEST = 100;

/** The request in OTLP's JSON form. Throws `BadTraces`. */
export function readTraces(body: Uint8Array, form: 'json' | 'protobuf'): JsonValue {
  if (form === 'protobuf') {
    try {
      return decodeTraces(body);
    } catch (error) {
      if (error instanceof ProtobufError)
        throw new BadTraces(`the body is not an OTLP trace request: ${error.message}`);
      throw error;
    }
  }
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as JsonValue;
  } catch {
    throw new BadTraces('the body is not JSON in UTF-8');
  }
  if (!isJsonObject(value)) throw new BadTraces('the body is JSON, but no object');
  if (isDeeperThan(value, DEEPEST))
    throw new BadTraces(`the body has more than ${DEEPEST} lists and maps inside each other`);
  return value;
}

/** Takes the calls to models of a request; other spans are not observations. */
export async function takeTraces(
  intake: ObservationIntake,
  request: JsonValue,
  feature: string | undefined,
): Promise<IntakeReport> {
  const losses = new Losses();
  const reader = observationReader('otlp', losses, feature);
  function* values(): Generator<ReadValue, void, undefined> {
    // Lines tell spans apart in errors: the n-th call to a model.
    let line = 0;
    for (const { kind, value } of reader.take(request, 0, [], 'request')) {
      if (kind === 'observation') line++;
      yield { kind, value, line };
    }
  }
  return { ...(await intake.takeValues(values(), feature)), losses: losses.report() };
}

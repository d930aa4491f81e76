// Answers to OTLP exporters, in the form they asked in: a partial success is a success that must not be sent again.

import type { IntakeReport } from '../jobs/observe/intake.ts';
import type { AppContext } from './app.ts';
import type { HttpError } from './http-error.ts';

type Form = 'json' | 'protobuf';

export function otlpSuccess(c: AppContext, form: Form, { rejected, errors }: IntakeReport): Response {
  const message = errors
    .map((e) => e.message)
    .slice(0, 3)
    .join('; ');
  if (form === 'json')
    return c.json(
      rejected === 0 ? {} : { partialSuccess: { rejectedSpans: String(rejected), errorMessage: message } },
    );
  const partial = [...field(1, 0), ...varint(rejected), ...field(2, 2), ...text(message)];
  return bytes(c, 200, rejected === 0 ? [] : [...field(1, 2), ...varint(partial.length), ...partial]);
}

/** A Status message. */
export function otlpError(c: AppContext, form: Form, status: HttpError['status'], message: string): Response {
  if (form === 'json') return c.json({ message }, status);
  return bytes(c, status, [...field(2, 2), ...text(message)]);
}

function bytes(c: AppContext, status: 200 | HttpError['status'], body: readonly number[]): Response {
  return c.body(Uint8Array.from(body), status, { 'Content-Type': 'application/x-protobuf' });
}

const field = (number: number, wire: number): number[] => varint(number * 8 + wire);

function text(value: string): number[] {
  const encoded = [...Buffer.from(value, 'utf8')];
  return [...varint(encoded.length), ...encoded];
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}

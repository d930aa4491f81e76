// POST /v1/observations, /v1/outcomes and /v1/traces.

import type { IntakeReport } from '../jobs/observe/intake.ts';
import { type Line, linesOf } from '../jobs/observe/line-stream.ts';
import { BadTraces, readTraces, takeTraces } from '../jobs/observe/take-traces.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { otlpError, otlpSuccess } from './otlp-answers.ts';
import { bodyOf, withWholeBody } from './request-body.ts';

const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/json'];

const typeOf = (c: AppContext): string =>
  (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** JSON lines, taken as they come. What the answer counts as added or known is durable. */
export async function takeLines(
  c: AppContext,
  parts: AppParts,
  kind: 'observation' | 'outcome',
): Promise<Response> {
  if (!LINE_TYPES.includes(typeOf(c)))
    throw new HttpError(415, 'the content type must be application/x-ndjson: one JSON object a line', {
      hint: `known types: ${LINE_TYPES.join(', ')}`,
    });
  let last: IntakeReport | null = null;
  const lines: AsyncIterable<Line> = linesOf(bodyOf(c.env.incoming, parts.limits.linesBytes));
  try {
    const report = await parts.intake.takeLines(lines, kind, featureOf(c), (r) => {
      last = r;
    });
    parts.metrics.took(report);
    const taken = countOf(report);
    return c.json(report, report.rejected > 0 && taken === 0 ? 400 : 200);
  } catch (error) {
    const taken = last as IntakeReport | null;
    if (taken !== null) parts.metrics.took(taken);
    if (!(error instanceof HttpError) || taken === null) throw error;
    // The connection may be gone; a client that is still there learns what need not be sent again.
    return c.json({ ...taken, error: { message: error.message, hint: error.details.hint } }, error.status);
  }
}

function featureOf(c: AppContext): string | undefined {
  const feature = c.req.query('feature');
  return feature === undefined || feature === '' ? undefined : feature.slice(0, 200);
}

function countOf({ observations: o, outcomes: c }: IntakeReport): number {
  return o.added + o.known + c.added + c.known;
}

/** OTLP over HTTP, in JSON or protobuf; answered in kind. */
export async function takeOtlp(c: AppContext, parts: AppParts): Promise<Response> {
  const type = typeOf(c);
  if (type !== 'application/json' && type !== 'application/x-protobuf')
    throw new HttpError(415, 'the content type must be application/json or application/x-protobuf', {});
  const form = type === 'application/json' ? 'json' : 'protobuf';
  try {
    return await withWholeBody(c.env.incoming, parts.limits.tracesBytes, async (body) => {
      const report = await takeTraces(parts.intake, readTraces(body, form), featureOf(c));
      parts.metrics.took(report);
      return otlpSuccess(c, form, report);
    });
  } catch (error) {
    if (error instanceof BadTraces) return otlpError(c, form, 400, error.message);
    if (error instanceof HttpError) {
      const { retryAfterSeconds } = error.details;
      if (retryAfterSeconds !== undefined) c.header('Retry-After', String(retryAfterSeconds));
      return otlpError(c, form, error.status, error.message);
    }
    throw error;
  }
}

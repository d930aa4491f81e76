// The `javascript` grader: the user's own function, in a worker, with a deadline.

import type { JsonValue } from '../base/json.ts';
import { listCode } from '../base/trust.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, type Subject, unmeasured } from './grader-result.ts';
import { firstCodePoints } from './quote.ts';
import type { ScriptJob, UserVerdict } from './user-verdict.ts';
import type { WorkerPool } from './worker-pool.ts';

type Options = Extract<GraderSpec, { type: 'javascript' }>['options'];

export async function gradeJavascript(
  options: Options,
  subject: Subject,
  workers: WorkerPool,
  signal: AbortSignal,
): Promise<GraderResult> {
  try {
    listCode('javascript grader', options.path);
  } catch (error) {
    return unmeasured('grader_error', (error as Error).message);
  }
  const answer = await workers.run(jobFor(options, subject), options.timeoutMs, signal);
  switch (answer.kind) {
    case 'value': {
      const { pass, reason, score } = answer.value as unknown as UserVerdict;
      return {
        kind: 'scored',
        met: pass,
        score,
        reason:
          reason ??
          `your function ${pass ? 'passed' : 'failed'} it with score ${Number(score.toPrecision(4))}`,
        // The reason in the grade is one short line; user code may have more to say.
        details: { score, ...(reason === null ? {} : { reason: firstCodePoints(reason, 2000) }) },
      };
    }
    case 'deadline':
      return unmeasured(
        'grader_error',
        `your function gave no answer within ${options.timeoutMs} ms and was ended`,
      );
    case 'error':
      return unmeasured('grader_error', `your function failed: ${answer.message}`);
    case 'died':
      return unmeasured('grader_error', `your function ended its worker: ${answer.message}`);
    case 'cancelled':
      return unmeasured('grader_error', 'cancelled before your function was done');
  }
}

function jobFor(options: Options, subject: Subject): ScriptJob {
  const { c, trial } = subject;
  return {
    kind: 'script',
    path: options.path,
    sourceHash: options.sourceHash,
    export: options.export,
    input: {
      output: trial.output.text,
      toolCalls: trial.output.toolCalls,
      context: trial.output.context ?? null,
      ...(trial.output.trajectory === undefined ? {} : { trajectory: trial.output.trajectory }),
      case: {
        id: c.id,
        tags: c.tags,
        vars: c.vars,
        messages: c.messages as unknown as JsonValue,
        expected: c.expected ?? null,
        meta: c.meta,
      },
      trial: {
        number: trial.trial,
        model: trial.served.model,
        latencyMs: trial.latencyMs,
        stopReason: trial.stopReason,
        usage: trial.usage as unknown as JsonValue,
      },
      config: options.config ?? null,
    },
  };
}

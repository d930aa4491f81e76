// The `command` and `http` graders: the user's own program or service decides.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { ProgramGrader, ProgramGraders } from '../core/program-grader.ts';
import { type GraderResult, type Subject, unmeasured } from './grader-result.ts';
import { firstCodePoints } from './quote.ts';
import { readUserVerdict } from './user-verdict.ts';

const CALLED = { command: 'your program', http: 'your service' } as const;

export async function gradeProgram(
  spec: ProgramGrader,
  subject: Subject,
  programs: ProgramGraders | null,
  signal: AbortSignal,
): Promise<GraderResult> {
  const called = CALLED[spec.type];
  if (programs === null) return unmeasured('grader_error', `${called} is not run here`);
  const answer = await programs.ask(spec, programInput(spec, subject), signal);
  if (answer.kind === 'failed') return unmeasured('grader_error', `${called} failed: ${answer.message}`);
  const verdict = readUserVerdict(answer.value, 'answered');
  if (typeof verdict === 'string')
    return unmeasured('grader_error', `${called} cannot be understood: ${verdict}`);
  const { pass, reason, score } = verdict;
  return {
    kind: 'scored',
    met: pass,
    score,
    reason: reason ?? `${called} ${pass ? 'passed' : 'failed'} it with score ${Number(score.toPrecision(4))}`,
    details: { score, ...(reason === null ? {} : { reason: firstCodePoints(reason, 2000) }) },
  };
}

/** What a program or a service is given. The names are part of the interface; docs/graders.md lists them. */
function programInput(spec: ProgramGrader, { c, trial }: Subject): JsonObject {
  const { output, served, usage } = trial;
  return {
    grader: spec.id,
    output: output.text,
    tool_calls: output.toolCalls as unknown as JsonValue,
    refusal: output.refusal ?? null,
    context: output.context ?? null,
    ...(output.trajectory === undefined ? {} : { trajectory: output.trajectory as unknown as JsonValue }),
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
      model: served.model,
      latency_ms: trial.latencyMs,
      stop_reason: trial.stopReason,
      cost_usd: trial.costUsd,
      usage:
        usage === null
          ? null
          : {
              input_tokens: usage.inputTokens ?? null,
              output_tokens: usage.outputTokens ?? null,
              cached_input_tokens: usage.cachedInputTokens ?? null,
              cache_write_tokens: usage.cacheWriteTokens ?? null,
              reasoning_tokens: usage.reasoningTokens ?? null,
            },
    },
    config: spec.options.config ?? null,
  };
}

// The graders of tool calls one by one: `tool-called`, `tool-not-called` and `max-steps`.

import { isJsonObject, type JsonObject } from '../base/json.ts';
import { includesJson } from '../base/json-compare.ts';
import type { ToolCall } from '../core/conversation.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { stepCount } from '../core/trajectory.ts';
import { type GraderResult, mark, type Subject } from './grader-result.ts';
import { quote, quoteJson } from './quote.ts';

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];

export function gradeToolCalled(options: Options<'tool-called'>, subject: Subject): GraderResult {
  const { args, name } = options;
  const calls = subject.trial.output.toolCalls;
  const named = calls.filter((call) => call.name === name);
  const hits = args === undefined ? named : named.filter((call) => includesJson(call.args, args));
  const { met, wanted } = wantedTimes(options.times, hits.length);
  const withArgs = args === undefined ? '' : ` with ${quoteJson(args as JsonObject, 50)}`;
  if (hits.length > 0)
    return mark(met, `${quote(name, 40)} was called ${hits.length} times${withArgs}${wanted}`);
  if (named.length === 0) return mark(met, `${quote(name, 40)} was not called${wanted}; ${listed(calls)}`);
  return mark(met, `${quote(name, 40)} was called, but not${withArgs}${wanted}; found ${argsOf(named[0])}`);
}

function wantedTimes(
  times: Options<'tool-called'>['times'],
  hits: number,
): { readonly met: boolean; readonly wanted: string } {
  if (times === undefined) return { met: hits > 0, wanted: '' };
  if (typeof times === 'number') return { met: hits === times, wanted: `, wanted ${times}` };
  const { min = 0, max = Number.POSITIVE_INFINITY } = times;
  const range = times.max === undefined ? `at least ${min}` : `${min} to ${max}`;
  return { met: hits >= min && hits <= max, wanted: `, wanted ${range}` };
}

export function gradeToolNotCalled(
  { args, name }: Options<'tool-not-called'>,
  subject: Subject,
): GraderResult {
  const hit = subject.trial.output.toolCalls.find(
    (call) => call.name === name && (args === undefined || includesJson(call.args, args)),
  );
  if (hit !== undefined) return mark(false, `${quote(name, 40)} was called with ${argsOf(hit)}`);
  const withArgs = args === undefined ? '' : ` with ${quoteJson(args as JsonObject, 50)}`;
  return mark(true, `${quote(name, 40)} was not called${withArgs}`);
}

export function gradeMaxSteps({ value }: Options<'max-steps'>, subject: Subject): GraderResult {
  const steps = stepCount(subject.trial.output);
  return mark(steps <= value, `${steps} ${steps === 1 ? 'reply' : 'replies'}, at most ${value} wanted`);
}

/** `called: a, b`, or that nothing was. */
function listed(calls: readonly ToolCall[]): string {
  return calls.length === 0
    ? 'no tool was called'
    : `called: ${calls.map((c) => quote(c.name, 30)).join(', ')}`;
}

function argsOf(call: ToolCall | undefined): string {
  const args = call?.args ?? null;
  return isJsonObject(args)
    ? quoteJson(args)
    : `arguments that are not a JSON object: ${quote(String(args), 40)}`;
}

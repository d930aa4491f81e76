// The `tool-called` grader: which tools the answer called, and with what.

import type { ToolCall } from '../core/conversation.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import { includesJson } from './json-compare.ts';
import { type Mark, mark, type Subject } from './mark.ts';
import { quote, quoteJson } from './quote.ts';

type Options = Extract<GraderSpec, { type: 'tool-called' }>['options'];

export function gradeToolCalled(options: Options, subject: Subject): Mark {
  const { args, name, times } = options;
  const calls = subject.trial.output.toolCalls;
  const named = calls.filter((call) => call.name === name);
  const hits = args === undefined ? named : named.filter((call) => includesJson(call.args, args));
  const met = times === undefined ? hits.length > 0 : hits.length === times;
  const wanted = times === undefined ? '' : `, wanted ${times}`;
  const withArgs = args === undefined ? '' : ` with ${quoteJson(args as JsonObject, 50)}`;
  if (hits.length > 0)
    return mark(met, `${quote(name, 40)} was called ${hits.length} times${withArgs}${wanted}`);
  if (named.length === 0) return mark(met, `${quote(name, 40)} was not called${wanted}; ${listed(calls)}`);
  return mark(met, `${quote(name, 40)} was called, but not${withArgs}${wanted}; found ${argsOf(named[0])}`);
}

function listed(calls: readonly ToolCall[]): string {
  return calls.length === 0
    ? 'no tool was called'
    : `called: ${calls.map((c) => quote(c.name, 30)).join(', ')}`;
}

function argsOf(call: ToolCall | undefined): string {
  const args = call?.args ?? null;
  return isJsonObject(args)
    ? quoteJson(args)
    : `arguments that are no JSON object: ${quote(String(args), 40)}`;
}

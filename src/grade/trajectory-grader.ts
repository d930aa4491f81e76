// The `trajectory` grader: the calls of a conversation against the wanted ones, in one of five ways.

import { isJsonObject, type JsonObject } from '../base/json.ts';
import { includesJson, sameJson } from '../base/json-compare.ts';
import type { ToolCall } from '../core/conversation.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { callsByStep, callText } from '../core/trajectory.ts';
import type { GraderResult, Subject } from './grader-result.ts';
import { quote } from './quote.ts';

type Options = Extract<GraderSpec, { type: 'trajectory' }>['options'];

interface WantedCall {
  readonly name: string;
  readonly args?: JsonObject | undefined;
}

type Fits = (wanted: WantedCall, call: ToolCall) => boolean;

export function gradeTrajectory(options: Options, subject: Subject): GraderResult {
  const wanted = options.calls.map(
    (call): WantedCall => (typeof call === 'string' ? { name: call } : (call as WantedCall)),
  );
  const steps = callsByStep(subject.trial.output);
  const calls = steps.flat();
  const fits: Fits = (want, call) => want.name === call.name && argsFit(want.args, call.args, options.args);
  const { match = 'strict' } = options;
  const paired = pairsOf(match, { wanted, steps, calls, fits });
  const missing = wanted.filter((_, i) => !paired.wanted.has(i));
  const extra = calls.filter((_, i) => !paired.calls.has(i));
  const needsAll = match !== 'subset';
  const needsNoOther = match !== 'superset' && match !== 'in-order';
  const met = (!needsAll || missing.length === 0) && (!needsNoOther || extra.length === 0);
  const open = (needsAll ? missing.length : 0) + (needsNoOther ? extra.length : 0);
  const whole = paired.wanted.size + open;
  return {
    kind: 'scored',
    met,
    score: met || whole === 0 ? 1 : paired.wanted.size / whole,
    reason: met
      ? `${calls.length} ${calls.length === 1 ? 'call fits' : 'calls fit'} (${match})`
      : reasonOf({ match, missing: needsAll ? missing : [], extra: needsNoOther ? extra : [], calls }),
    details: {
      match,
      called: calls.map((call) => callText(call)),
      missing: missing.map(wantedText),
      extra: extra.map((call) => callText(call)),
    },
  };
}

function argsFit(wanted: JsonObject | undefined, found: ToolCall['args'], how: Options['args']): boolean {
  if (wanted === undefined || how === 'ignore') return true;
  if (how === 'exact') return sameJson(found, wanted);
  if (how === 'subset') return isJsonObject(found) && includesJson(wanted, found);
  return includesJson(found, wanted);
}

interface Sides {
  readonly wanted: readonly WantedCall[];
  readonly steps: readonly (readonly ToolCall[])[];
  readonly calls: readonly ToolCall[];
  readonly fits: Fits;
}

/** Places of the wanted calls and of the found ones that belong together. */
interface Pairs {
  readonly wanted: Set<number>;
  readonly calls: Set<number>;
}

function pairsOf(match: NonNullable<Options['match']>, sides: Sides): Pairs {
  switch (match) {
    case 'strict':
      return strictPairs(sides);
    case 'in-order':
      return orderedPairs(sides);
    case 'unordered':
    case 'subset':
    case 'superset':
      return freePairs(sides.wanted, sides.calls, sides.fits);
  }
}

/** Step by step. Calls of one reply are made at once, so that their order among each other says nothing. */
function strictPairs({ wanted, steps, fits }: Sides): Pairs {
  const pairs: Pairs = { wanted: new Set(), calls: new Set() };
  let at = 0;
  for (const step of steps) {
    const found = freePairs(wanted.slice(at, at + step.length), step, fits);
    for (const i of found.wanted) pairs.wanted.add(at + i);
    for (const i of found.calls) pairs.calls.add(at + i);
    at += step.length;
  }
  return pairs;
}

/** The longest run of wanted calls, from the first, that is found in order. */
function orderedPairs({ wanted, calls, fits }: Sides): Pairs {
  const pairs: Pairs = { wanted: new Set(), calls: new Set() };
  let next = 0;
  for (const [i, call] of calls.entries()) {
    const want = wanted[next];
    if (want === undefined) break;
    if (!fits(want, call)) continue;
    pairs.wanted.add(next++);
    pairs.calls.add(i);
  }
  return pairs;
}

/** As many pairs as there can be (Kuhn's algorithm): first come, first served would miss some where arguments fit loosely. */
function freePairs(wanted: readonly WantedCall[], calls: readonly ToolCall[], fits: Fits): Pairs {
  const takenBy = new Map<number, number>();
  const place = (want: number, tried: Set<number>): boolean => {
    for (const [i, call] of calls.entries()) {
      if (tried.has(i) || !fits(wanted[want] as WantedCall, call)) continue;
      tried.add(i);
      const holder = takenBy.get(i);
      if (holder !== undefined && !place(holder, tried)) continue;
      takenBy.set(i, want);
      return true;
    }
    return false;
  };
  for (const i of wanted.keys()) place(i, new Set());
  return { wanted: new Set(takenBy.values()), calls: new Set(takenBy.keys()) };
}

function reasonOf(found: {
  readonly match: string;
  readonly missing: readonly WantedCall[];
  readonly extra: readonly ToolCall[];
  readonly calls: readonly ToolCall[];
}): string {
  const { match, missing, extra, calls } = found;
  const parts = [
    missing.length === 0 ? '' : `missing ${missing.map((call) => quote(wantedText(call), 60)).join(', ')}`,
    extra.length === 0 ? '' : `not wanted ${extra.map((call) => quote(callText(call), 60)).join(', ')}`,
  ].filter((part) => part !== '');
  const made = calls.length === 0 ? '; no tool was called' : '';
  return `${match}: ${parts.join('; ')}${made}`;
}

function wantedText({ name, args }: WantedCall): string {
  return args === undefined ? name : callText({ name, args });
}

// Which fault, if any, meets a request: drawn per attempt, apart from the answer, so that a retried call gets the answer it would have got.

import { drawsFrom } from './draws.ts';
import { FAULT_KINDS, type FaultKind, type FaultRule, type Scenario } from './scenario.ts';

/** A fault that strikes one attempt. */
export interface Fault {
  readonly kind: FaultKind;
  readonly rule: FaultRule;
  /** Which attempt at the request it struck, from 0. */
  readonly attempt: number;
}

/** One attempt, as the rules look at it. */
export interface FaultQuestion {
  readonly seed: number;
  readonly requestKey: string;
  /** Which attempt at this request on this date, from 0. */
  readonly attempt: number;
  readonly date: string;
  readonly now: number;
  readonly model: string;
}

/** The rules of a scenario as a list. */
export function faultRules(faults: Scenario['faults']): readonly FaultRule[] {
  return Array.isArray(faults) ? faults : [faults];
}

/** The first rule that is in force for the request and strikes; null when none does. */
export function drawFault(rules: readonly FaultRule[], question: FaultQuestion): Fault | null {
  for (const [index, rule] of rules.entries()) {
    if (rule.models && !rule.models.includes(question.model)) continue;
    if (rule.from !== undefined && question.now < Date.parse(rule.from)) continue;
    if (rule.until !== undefined && question.now >= Date.parse(rule.until)) continue;
    if (question.attempt < rule.failFirst) return { kind: 'serverError', rule, attempt: question.attempt };
    const { seed, date, requestKey, attempt } = question;
    const draws = drawsFrom('fault', seed, index, date, requestKey, attempt);
    for (const kind of FAULT_KINDS) {
      const rate = rule[kind];
      if (rate !== undefined && draws.uniform() < rate) return { kind, rule, attempt };
    }
  }
  return null;
}

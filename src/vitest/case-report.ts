// One case of a finished run as a test result: passed, failed with everything a reader needs, or not measured.

import { count } from '../base/numbers.ts';
import type { CaseContent, CaseResult, StoredTrial, TrialResult } from '../core/index.ts';
import { terminalText } from '../report/parts/escape.ts';

/** Characters of one text in a failure. */
const TEXT = 1500;
/** Trials shown of one case. */
const SHOWN_TRIALS = 3;

export type CaseOutcome =
  | { readonly kind: 'passed'; readonly passed: number; readonly trials: number }
  | { readonly kind: 'failed'; readonly passed: number; readonly trials: number; readonly needed: number }
  | { readonly kind: 'not-measured'; readonly missing: number; readonly trials: number };

export interface PassRule {
  /** Share of the trials that must pass, where the case names none. */
  readonly minPassRate: number;
  /** Does an error of the user's own application count as a wrong answer? */
  readonly appErrorFails: boolean;
}

/** Trials that are missing or have no grade make it unmeasured, whatever the others say. */
export function caseOutcome(result: CaseResult, rule: PassRule): CaseOutcome {
  const measured = result.trials.filter((t) => t.pass !== null || isOwnFailure(t, rule));
  const missing = result.plannedTrials - measured.length;
  const trials = result.plannedTrials;
  if (missing > 0) return { kind: 'not-measured', missing, trials };
  const passed = measured.filter((t) => t.pass === true).length;
  const needed = Math.ceil((result.minPassRate ?? rule.minPassRate) * trials - 1e-9);
  return passed >= needed ? { kind: 'passed', passed, trials } : { kind: 'failed', passed, trials, needed };
}

function isOwnFailure(trial: TrialResult, { appErrorFails }: PassRule): boolean {
  return appErrorFails && trial.status === 'failed' && trial.cause === 'app_error';
}

/** The message of a case that failed: what was asked, what was expected, what came, which grader says no and why. */
export function failureText(
  id: string,
  { passed, trials, needed }: Extract<CaseOutcome, { kind: 'failed' }>,
  content: CaseContent,
  stored: readonly StoredTrial[],
): string {
  const wrong = stored.filter(({ trial, grades }) => trial.status === 'failed' || failing(grades).length > 0);
  const most = needed === trials ? 'every one must' : `at least ${needed} must`;
  return [
    `${passed} of ${count(trials, 'trial')} passed, ${most}: case ${JSON.stringify(id)}`,
    ...inputLines(content),
    ...wrong.slice(0, SHOWN_TRIALS).flatMap(trialLines),
    ...(wrong.length > SHOWN_TRIALS ? [`and ${count(wrong.length - SHOWN_TRIALS, 'more wrong trial')}`] : []),
  ].join('\n');
}

/** The message of a case that was not measured: why each trial has no grade. */
export function unmeasuredText(
  id: string,
  { missing, trials }: Extract<CaseOutcome, { kind: 'not-measured' }>,
  stored: readonly StoredTrial[],
): string {
  const reasons = new Map<string, number>();
  for (const { trial, grades } of stored) {
    const ungraded = grades.flatMap((g) =>
      g.status === 'ungraded' && g.required ? `${g.graderId}: ${g.reason}` : [],
    );
    const why =
      trial.status === 'answered' ? ungraded : [`${trial.status}, ${trial.cause}: ${trial.message}`];
    for (const reason of why) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const notRun = trials - stored.length;
  if (notRun > 0) reasons.set('not run', notRun);
  return [
    `${missing} of ${count(trials, 'trial')} could not be measured, so the case neither passed nor failed: case ${JSON.stringify(id)}`,
    ...[...reasons].slice(0, 5).map(([reason, times]) => block(`${times} ×`, reason)),
  ].join('\n');
}

function inputLines({ vars, messages, turns, expected }: CaseContent): string[] {
  return [
    ...Object.entries(vars).map(([name, value]) => block(`input ${name}`, plain(value))),
    ...(messages ?? []).map(({ role, content }) => block(`input ${role}`, content)),
    ...(turns === undefined ? [] : [block('turns', JSON.stringify(turns))]),
    ...(expected === undefined ? [] : [block('expected', plain(expected))]),
  ];
}

function trialLines({ trial, grades }: StoredTrial): string[] {
  if (trial.status !== 'answered') return [block(`trial ${trial.trial} failed`, trial.message)];
  const { text, toolCalls } = trial.output;
  return [
    block(`output of trial ${trial.trial}`, text),
    ...(toolCalls.length === 0 ? [] : [block('tool calls', JSON.stringify(toolCalls))]),
    ...failing(grades).map((g) => block(`grader ${g.graderId}`, g.reason)),
  ];
}

function failing(grades: StoredTrial['grades']) {
  return grades.flatMap((g) => (g.status === 'scored' && g.required && !g.pass ? [g] : []));
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One labelled text; what a model wrote cannot act on the terminal. */
function block(label: string, text: string): string {
  const shown = terminalText(text.slice(0, TEXT));
  const rest = text.length > TEXT ? ` … (${text.length - TEXT} more characters)` : '';
  return `  ${label}: ${shown.replaceAll('\n', '\n    ')}${rest}`;
}

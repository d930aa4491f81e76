// Judging production answers on a terminal: what will be asked, then how many scores there are and what is missing.

import { shortHash } from '../../base/json.ts';
import { count, grouped, usd, when } from '../../base/numbers.ts';
import type { AnswerJudging, AnswerJudgingPlan, AnswerSample } from '../../core/judged-answers.ts';
import { terminalLine } from '../parts/escape.ts';
import { judgingText } from './run-text.ts';

/** What is going to be called, and what it may cost. */
export function answerPlanText(plan: AnswerJudgingPlan): string {
  const { judge, question } = plan.examiner;
  const { judgedBefore, drawn, toJudge, observations, from, to } = plan.sample;
  return [
    `${terminalLine(plan.feature, 60)}: ${terminalLine(plan.signal, 80)} by ${terminalLine(judge.name, 60)} ${shortHash(judge.fingerprint)}, question ${terminalLine(question, 80)}`,
    `  ${count(drawn, 'answer')} drawn from ${count(observations, 'observation')}, ${when(from)} to ${when(to)} UTC`,
    ...leftOut(plan.sample),
    `  judged before ${grouped(judgedBefore)}, to judge ${grouped(toJudge)}`,
    ...(plan.judge === null ? [] : [`  ${judgingText(plan.judge)}`]),
    '',
  ].join('\n');
}

/** Answers that no judge can be asked about. */
function leftOut({ numbersOnly, failed, incomplete, hiddenId }: AnswerSample): string[] {
  const parts = [
    [numbersOnly, 'stored by numbers only'],
    [failed, 'with an error of the application'],
    [incomplete, 'without a question or an answer'],
    [hiddenId, 'with a redacted id'],
  ] as const;
  const said = parts.flatMap(([n, what]) => (n === 0 ? [] : [`${grouped(n)} ${what}`]));
  return said.length === 0 ? [] : [`  not judged: ${said.join(', ')}`];
}

export function answerJudgingText(r: AnswerJudging): string {
  const failed = Object.entries(r.ungraded).map(([cause, n]) => `${grouped(n)} ${cause}`);
  const inAll = r.sample.judgedBefore + r.judged;
  return [
    r.sample.toJudge === 0
      ? `nothing to judge: all ${count(r.sample.drawn, 'answer')} of the sample have a score`
      : `${count(r.judged, 'answer')} judged${r.meanScore === null ? '' : `, mean score ${r.meanScore.toFixed(3)}`}; ${grouped(inAll)} of ${grouped(r.sample.drawn)} in the sample have a score`,
    ...(failed.length === 0 ? [] : [`no score: ${failed.join(', ')}; the next run asks about them again`]),
    ...(r.stopped === null
      ? []
      : [
          `stopped: ${terminalLine(r.stopped.why, 200)}`,
          `${count(r.left, 'answer')} not asked about; the same command continues with them`,
        ]),
    `${count(r.judgeCalls, 'judge call')}, cost ${r.costUsd === null ? 'unknown' : usd(r.costUsd)}`,
    `Next: lastgood signals ${terminalLine(r.feature, 60)}`,
    '',
  ].join('\n');
}

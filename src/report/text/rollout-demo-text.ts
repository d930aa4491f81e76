// The demo of a rollout on a terminal: one line or two for each thing that happened, and the commands that follow.

import { count, grouped, milliseconds, percent } from '../../base/numbers.ts';
import type { RolloutReport } from '../../core/rollout.ts';
import type { AgentCounts, DemoRollback, RolloutDemoBeat } from '../../core/rollout-demo.ts';
import { powerText, valueText } from '../../core/rollout-words.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** One beat. `dir` is the project of the demo as the reader typed it. */
export function rolloutDemoText(
  beat: RolloutDemoBeat,
  options: { readonly style?: Style; readonly dir: string },
): string {
  const style = options.style ?? PLAIN;
  switch (beat.kind) {
    case 'start':
      return `${style.bold('A SIMULATION')} of users, models and an agent. An hour of the ladder lasts a second. No network, no cost.
Server, gates, flags and guard are the real ones. Flags are read ${beat.sdk === null ? 'over plain OFREP. To read them' : `through ${beat.sdk}.`}${
        beat.sdk === null
          ? `\nthrough the SDK: npm install @openfeature/server-sdk @openfeature/ofrep-provider`
          : ''
      }
Watch it: ${beat.url}/rollouts/support-triage

`;
    case 'offline':
      return `${clock(beat.at)}  offline   ${terminalLine(beat.candidate, 40)} against ${terminalLine(beat.control, 40)}: ${beat.verdict.replaceAll('-', ' ')}, ${percent(beat.passRate.control)} → ${percent(beat.passRate.candidate)}; drill of the rollback: ${beat.drill}\n`;
    case 'started':
      return `${clock(beat.at)}  start     ${beat.met} of ${beat.conditions} conditions of the ticket are met; ${beat.percent}% of the users get the candidate\n`;
    case 'advanced':
      return `${clock(beat.at)}  ${style.green(`${beat.from}% → ${beat.to}%`.padEnd(9))} every gate was green; ${grouped(beat.answers.control)} answers of the control, ${grouped(beat.answers.candidate)} of the candidate\n`;
    case 'fault':
      return `${clock(beat.at)}  fault     from now on ${percent(beat.share, 0)} of the candidate's answers break their schema (scripted)\n`;
    case 'rolled-back':
      return `${clock(beat.rollback.at)}  ${style.red(style.bold('ROLLED BACK'))} ${rollbackText(beat.rollback, beat.report)}`;
    case 'agent':
      return `${clock(beat.at)}  agent     ai.action.mode is ${terminalLine(beat.actionMode, 40)}: its refunds are only logged. A payout run continues.\n`;
    case 'stopped': {
      const { stop: s } = beat;
      return `${clock(s.at)}  ${style.red(style.bold('STOPPED'))}   by ${terminalLine(s.by, 40)}: ${terminalLine(s.why, 200)}
          the payout run ended at step ${s.step} of ${s.steps}, ${milliseconds(s.reachedMs)} after the stop
          ${count(s.refused, 'more action')} refused, ${s.startedAfter === 0 ? 'none' : s.startedAfter} started; ${agentText(beat.agent)}\n`;
    }
    case 'end':
      return `
Next:
  cd ${terminalLine(options.dir, 200)}
  npx lastgood rollout status support-triage
  npx lastgood rollout replay support-triage
  npx lastgood flag history ai.rollout.percent
  npx lastgood guard log support-triage
  npx lastgood approvals
${beat.keepsOpen === null ? '  npx lastgood serve' : `The pages stay at ${beat.keepsOpen} until Ctrl-C.`}
`;
  }
}

const clock = (iso: string): string => iso.slice(11, 19);

function rollbackText(r: DemoRollback, { gates, needed }: RolloutReport): string {
  const gate = gates.find((g) => g.fired);
  const evidence =
    gate === undefined
      ? terminalLine(r.reason, 300)
      : `${valueText(gate.candidate.value, gate.unit)} of ${gate.candidate.n} answers against ${valueText(gate.control.value, gate.unit)} of the control${gate.evidence === null ? '' : `; evidence ${powerText(gate.evidence)}, acts at ${powerText(needed)}`}`;
  const after =
    r.lastCandidateMs === 0
      ? 'no user got the candidate after that'
      : `the last user got the candidate ${milliseconds(r.lastCandidateMs)} after that`;
  return `to 0% by ${terminalLine(r.by, 60)}, ${milliseconds(r.afterFaultMs)} after the first bad answer
          ${evidence}
          ${r.answers.usersHarmed} of ${grouped(r.answers.users)} users saw a bad answer; ${after}
`;
}

function agentText({ executed, drafted, waiting, rateLimited }: AgentCounts): string {
  return [
    `before it ${executed} paid`,
    `${drafted} only logged`,
    ...(waiting === 0 ? [] : [`${waiting} wait for a person`]),
    ...(rateLimited === 0 ? [] : [`${rateLimited} over the rate`]),
  ].join(', ');
}

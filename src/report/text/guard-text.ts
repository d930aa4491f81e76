// Stops, approvals and decisions of the guard for a person at a terminal.

import { count, when } from '../../base/numbers.ts';
import type { Approval, GuardDecision, GuardStop } from '../../core/index.ts';
import { EVERY_FEATURE } from '../../core/shipping.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

const timeOf = (ms: number): string => when(new Date(ms).toISOString());
const line = (text: string, most = 60): string => terminalLine(text, most);

function whom(feature: string, agent: string | null): string {
  const what = feature === EVERY_FEATURE ? 'every feature' : line(feature, 64);
  return agent === null ? what : `the agent ${line(agent)} of ${what}`;
}

/** What `stop` and `start` did. */
export function stopText(
  r: {
    readonly feature: string;
    readonly environment: string;
    readonly agent: string | null;
    readonly stopped: boolean;
    readonly by: string;
    readonly why: string;
    readonly stillStopped: string | null;
  },
  style: Style = PLAIN,
): string {
  const head = r.stopped ? style.red(style.bold('STOPPED')) : style.green(style.bold('STARTED'));
  const text = `${head}  ${whom(r.feature, r.agent)} in ${line(r.environment, 64)} (by ${line(r.by)}: ${line(r.why, 200)})\n`;
  return r.stillStopped === null
    ? text
    : `${text}${style.yellow(`  still stopped: ${line(r.stillStopped, 300)}`)}\n`;
}

/** Every stop in force. */
export function stopsText(stops: readonly (GuardStop & { readonly environment: string })[]): string {
  if (stops.length === 0) return 'Nothing is stopped.\n';
  return `${stops.map((s) => `${when(s.at)} UTC  ${whom(s.feature, s.agent)} in ${line(s.environment, 64)}  by ${line(s.by)}: ${line(s.why, 200)}`).join('\n')}\n`;
}

/** One line an approval, newest first. */
export function approvalsText(approvals: readonly Approval[], style: Style = PLAIN): string {
  if (approvals.length === 0) return 'No approval is waiting.\n';
  return `${approvals
    .map((a) => {
      const state = a.state === 'pending' ? style.yellow('waiting') : a.state;
      const impact = a.impact === null ? 'impact not given' : `impact ${a.impact}`;
      const limit = a.above === null ? '' : ` (above ${a.above})`;
      const answer = a.answer === null ? '' : `  by ${line(a.answer.by)}: ${line(a.answer.why, 200)}`;
      const agent = a.agent === null ? '' : `  agent ${line(a.agent)}`;
      return `${a.id}  ${timeOf(a.at)} UTC  ${state}  ${line(a.feature, 64)}  ${line(a.action)} ${line(a.key)}, ${impact}${limit}${agent}${answer}`;
    })
    .join('\n')}\n`;
}

/** The audit log, newest first. */
export function decisionsText(decisions: readonly GuardDecision[]): string {
  if (decisions.length === 0) return 'The log of the guard is empty.\n';
  const lines = decisions.map((d) => {
    const end =
      d.outcome !== 'allowed'
        ? ''
        : d.succeeded === null
          ? ', end not known'
          : d.succeeded
            ? ', done'
            : ', failed';
    const impact = d.impact === null ? '' : ` impact ${d.impact}`;
    const agent = d.agent === null ? '' : `  agent ${line(d.agent)}`;
    return `${timeOf(d.at)} UTC  ${d.outcome}${end}  ${line(d.feature, 64)}  ${line(d.action)} ${line(d.key)}${impact}${agent}: ${line(d.reason, 200)}`;
  });
  return `${lines.join('\n')}\n${count(decisions.length, 'decision')}\n`;
}

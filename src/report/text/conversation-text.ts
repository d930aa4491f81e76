// A conversation in a terminal: who said what, which tools were called, what they gave back.

import type { Output, TrajectoryEntry } from '../../core/index.ts';
import { callText, trajectoryOf } from '../../core/trajectory.ts';
import { terminalLine, terminalText } from '../parts/escape.ts';

const MOST_LINES_OF_A_MESSAGE = 12;
const LONGEST_LINE = 300;

/** The steps of a conversation, and why it was cut off. */
export function conversationLines(output: Output): string[] {
  const { cutOff } = output;
  return [
    ...trajectoryOf(output).flatMap((entry) => entryLines(entry)),
    ...(cutOff === undefined
      ? []
      : [`  cut off (${cutOff.code}): ${terminalLine(cutOff.message, LONGEST_LINE)}`]),
  ];
}

function entryLines(entry: TrajectoryEntry): string[] {
  const { role, content, toolCalls = [], refusal, name = 'tool', error } = entry;
  if (role === 'tool') {
    const word = error === true ? 'fails' : 'gives';
    return [`    ${terminalLine(name, 60)} ${word}: ${terminalLine(content, LONGEST_LINE)}`];
  }
  return [
    ...(content === '' ? [] : messageLines(role === 'user' ? 'user' : 'release', content)),
    ...(refusal === undefined ? [] : [`  release refuses: ${terminalLine(refusal, LONGEST_LINE)}`]),
    ...toolCalls.map((call) => `  release calls: ${terminalLine(callText(call), LONGEST_LINE)}`),
  ];
}

function messageLines(who: string, content: string): string[] {
  const lines = terminalText(content).split('\n');
  const shown = lines.slice(0, MOST_LINES_OF_A_MESSAGE);
  const left = lines.length - shown.length;
  return [
    ...shown.map((line, i) => (i === 0 ? `  ${who}: ${line}` : `  | ${line}`)),
    ...(left > 0 ? [`  … ${left} more ${left === 1 ? 'line' : 'lines'}; --json has all of them`] : []),
  ];
}

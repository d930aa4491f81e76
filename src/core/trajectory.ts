// Reading a trial's trajectory: its steps, its calls, one turn of it, and the whole of it as text.

import type { Output, ToolCall, TrajectoryEntry } from './conversation.ts';

/** The trajectory; of an output without one, the answer as its only step. */
export function trajectoryOf(output: Output): readonly TrajectoryEntry[] {
  if (output.trajectory !== undefined) return output.trajectory;
  const { text, toolCalls, refusal } = output;
  return [
    {
      turn: 1,
      role: 'assistant',
      content: text,
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...(refusal === undefined ? {} : { refusal }),
    },
  ];
}

/** The calls of each message that made any, in order. */
export function callsByStep(output: Output): readonly (readonly ToolCall[])[] {
  return trajectoryOf(output).flatMap(({ toolCalls = [] }) => (toolCalls.length === 0 ? [] : [toolCalls]));
}

/** How often the release replied. */
export function stepCount(output: Output): number {
  return trajectoryOf(output).filter(({ role }) => role === 'assistant').length;
}

/** The output of one turn alone, as if it were all there is; undefined where the conversation did not get so far. */
export function outputOfTurn(output: Output, turn: number): Output | undefined {
  const entries = trajectoryOf(output).filter((entry) => entry.turn === turn);
  const last = entries.findLast(({ role }) => role === 'assistant');
  if (last === undefined) return undefined;
  return {
    text: last.content,
    toolCalls: entries.flatMap(({ toolCalls = [] }) => toolCalls),
    ...(last.refusal === undefined ? {} : { refusal: last.refusal }),
    ...(output.context === undefined ? {} : { context: output.context }),
    trajectory: entries,
  };
}

/** What the release said in words, over all turns. */
export function spokenText(output: Output): string {
  if (output.trajectory === undefined) return output.text;
  return output.trajectory
    .filter(({ role, content }) => role === 'assistant' && content !== '')
    .map(({ content }) => content)
    .join('\n');
}

/** Whether there is more to show of an output than its answer. */
export function hasSteps({ trajectory, cutOff }: Output): boolean {
  return cutOff !== undefined || (trajectory !== undefined && trajectory.length > 1);
}

/** A call as a reader sees it: `lookup_order({"id":3})`. */
export function callText({ name, args }: Pick<ToolCall, 'name' | 'args'>): string {
  return `${name}(${JSON.stringify(args)})`;
}

/** Lines that look like our labels: a message must not pass for a call, a result or another speaker. */
const LIKE_A_MARK = /^(?=\[(?:user|tool call|tool result|tool error|refusal|cut off)\])/gm;

/** What a reader sees of one message, a line for each thing that was said or done. Marks in what was said begin with a backslash. */
function entryLines(entry: TrajectoryEntry): string[] {
  const { role, toolCalls = [], error } = entry;
  const content = entry.content.replaceAll(LIKE_A_MARK, '\\');
  const refusal = entry.refusal?.replaceAll(LIKE_A_MARK, '\\');
  if (role === 'user') return [`[user] ${content}`];
  if (role === 'tool') return [`[tool ${error === true ? 'error' : 'result'}] ${content}`];
  return [
    ...(content === '' ? [] : [content]),
    ...(refusal === undefined ? [] : [`[refusal] ${refusal}`]),
    ...toolCalls.map((call) => `[tool call] ${callText(call)}`),
  ];
}

/** What the user saw, as lines of text: the whole conversation where there is one, else the text, the refusal and the tool calls. */
export function outputText(output: Output): string {
  if (!hasSteps(output)) {
    const { text, toolCalls, refusal } = output;
    return [
      text,
      refusal === undefined ? '' : `[refusal] ${refusal}`,
      ...toolCalls.map((call) => `[tool call] ${callText(call)}`),
    ]
      .filter((part) => part !== '')
      .join('\n');
  }
  const cut = output.cutOff === undefined ? [] : [`[cut off] ${output.cutOff.message}`];
  return [...trajectoryOf(output).flatMap(entryLines), ...cut].join('\n');
}

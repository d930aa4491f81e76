// Answers tool calls from a case's canned results. A call that none of them is for gets no answer.

import { includesJson } from '../base/json-compare.ts';
import type { CannedAnswer, CannedTool, ToolCall } from '../core/index.ts';
import { callText } from '../core/trajectory.ts';

const LONGEST_CALL = 200;

export type ToolReply =
  | { readonly kind: 'answered'; readonly content: string; readonly error: boolean }
  | { readonly kind: 'unmatched'; readonly message: string };

/** The canned tools of one trial: a sequence goes on from where the trial's last call left it. */
export class CannedTools {
  readonly #tools: readonly CannedTool[];
  readonly #used = new Map<CannedTool, number>();

  constructor(tools: readonly CannedTool[]) {
    this.#tools = tools;
  }

  /** The first result whose tool and arguments fit the call, and whose sequence is not used up. */
  reply(call: ToolCall): ToolReply {
    const fitting = this.#tools.filter(
      ({ name, when }) => name === call.name && (when === undefined || includesJson(call.args, when)),
    );
    for (const tool of fitting) {
      const answer = this.#next(tool);
      if (answer === undefined) continue;
      if ('error' in answer) return { kind: 'answered', content: answer.error, error: true };
      const { result } = answer;
      const content = typeof result === 'string' ? result : JSON.stringify(result);
      return { kind: 'answered', content, error: false };
    }
    return { kind: 'unmatched', message: this.#unmatched(call, fitting.length > 0) };
  }

  #next(tool: CannedTool): CannedAnswer | undefined {
    if (!('sequence' in tool)) return tool;
    const used = this.#used.get(tool) ?? 0;
    this.#used.set(tool, used + 1);
    return tool.sequence[used];
  }

  #unmatched(call: ToolCall, exhausted: boolean): string {
    const made = shortCall(call);
    if (exhausted) return `${made} came after the last canned result of its sequence`;
    const names = [...new Set(this.#tools.map(({ name }) => name))];
    if (names.includes(call.name)) return `no canned result of "${call.name}" fits the call ${made}`;
    const known = names.length === 0 ? 'none' : names.join(', ');
    return `the case has no canned result for the call ${made}; it has results for: ${known}`;
  }
}

/** A call in at most a line. */
export function shortCall(call: ToolCall): string {
  const text = callText(call);
  return text.length > LONGEST_CALL ? `${text.slice(0, LONGEST_CALL - 1)}…` : text;
}

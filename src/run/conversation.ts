// One trial's conversation: reply, tool results, reply, … and the user's next turn, until it ends or is cut off.

import { isJsonObject } from '../base/index.ts';
import { DEFAULT_MAX_STEPS } from '../core/case-conversation.ts';
import type {
  Answered,
  Case,
  CutOffCode,
  Message,
  Output,
  Part,
  Persona,
  ProviderRequest,
  Release,
  ToolCall,
  TrajectoryEntry,
  Turn,
  Usage,
} from '../core/index.ts';
import { isModelApi } from '../core/model-apis.ts';
import { CannedTools, shortCall } from './canned-tools.ts';
import { type SimulatedTurn, USER_STOPS, userRequest } from './simulated-user.ts';

/** A service's own pause in a long turn: the request is repeated with what came so far. */
const PAUSED = 'other:pause_turn';

/**
 * Who runs the tools: the run, for a model API; the user's own program behind `http` and `command`; no one for recordings, which hold
 * a whole trial.
 */
function runsTools({ layers }: Release): boolean {
  return isModelApi(layers.route.provider);
}

/** How many turns the run asks for. A recording holds all of them. */
export function turnsAsked(release: Release, c: Case): readonly Turn[] {
  return release.layers.route.provider === 'replay' ? [] : (c.turns ?? []);
}

/** The most replies of the release to one message of the user. */
export function stepsAsked(release: Release, c: Case): number {
  return runsTools(release) && c.tools !== undefined ? (c.maxSteps ?? DEFAULT_MAX_STEPS) : 1;
}

/** The most calls that one trial of the case makes when each is answered at once, and the fewest. */
export function callBounds(release: Release, c: Case): { readonly least: number; readonly most: number } {
  const turns = turnsAsked(release, c);
  const steps = stepsAsked(release, c);
  if (turns.length === 0) return { least: 1, most: steps };
  // A simulated user takes a call for each of its messages.
  const of = (turn: Turn) =>
    'user' in turn ? { least: 1, most: steps } : { least: 2, most: turn.maxTurns * (1 + steps) };
  return turns.map(of).reduce((sum, turn) => ({ least: sum.least + turn.least, most: sum.most + turn.most }));
}

/** Who is asked next: the release, or the persona that plays the user. */
export type Asked = { readonly who: 'release' } | { readonly who: 'user'; readonly persona: Persona };

const RELEASE: Asked = { who: 'release' };

export class Conversation {
  /** The request that is to be sent next, and to whom. */
  request: ProviderRequest;
  asked: Asked = RELEASE;
  /** The release's side of it: the request that holds its history. */
  #history: ProviderRequest;
  /** The release's last reply. */
  #last: Answered | null = null;
  /** Messages that the simulated user of this turn has written. */
  #said = 0;
  readonly #case: Case;
  readonly #turns: readonly Turn[];
  readonly #runsTools: boolean;
  readonly #tools: CannedTools | null;
  readonly #maxSteps: number;
  readonly #trajectory: TrajectoryEntry[] = [];
  /** Our ids of the last reply's calls, by the calls and by the service's ids. */
  readonly #ids = new Map<ToolCall | string, string>();
  readonly #droppedParams = new Set<string>();
  #made = 0;
  #turn = 1;
  #stepsOfTurn = 0;
  #usage: Usage | null = null;
  #latencyMs: number | null = 0;
  #replies = 0;
  #cutOff: Output['cutOff'];

  constructor(c: Case, release: Release, opening: ProviderRequest) {
    this.request = { ...opening, conversation: true };
    this.#history = this.request;
    this.#case = c;
    this.#turns = turnsAsked(release, c);
    this.#runsTools = runsTools(release);
    this.#tools = c.tools === undefined ? null : new CannedTools(c.tools);
    this.#maxSteps = c.maxSteps ?? DEFAULT_MAX_STEPS;
    const [first] = this.#turns;
    if (first === undefined) return;
    if ('user' in first) this.#log({ role: 'user', content: first.user });
    else this.#askUser(first);
  }

  /** Takes a reply in. True: the conversation goes on with `request`; false: `answer` has the whole of it. */
  take(reply: Answered): boolean {
    if (this.asked.who === 'user') return this.#userSays(reply);
    this.#last = reply;
    this.#count(reply);
    const { output } = reply;
    const recorded = this.#runsTools ? undefined : output.trajectory;
    if (recorded === undefined) this.#logReply(reply);
    else if (this.#turns.length === 0) this.#trajectory.push(...recorded);
    else for (const { turn: _turn, ...entry } of recorded) this.#log(entry);
    this.#stepsOfTurn++;
    if (this.#runsTools && reply.stopReason === PAUSED && reply.native !== undefined) {
      if (this.#stepsOfTurn >= this.#maxSteps) return this.#atMaxSteps();
      this.#extend(assistantMessage(reply));
      return true;
    }
    const pending = this.#runsTools ? (reply.pendingCalls ?? output.toolCalls) : [];
    const lastTurn = this.#turn >= this.#turns.length;
    // Without canned tools, the calls of the last reply are the answer, as in a case of one call.
    if (pending.length > 0 && (this.#tools !== null || !lastTurn)) return this.#runTools(reply, pending);
    const simulated = this.#simulated;
    if (simulated === null || this.#said >= simulated.maxTurns) return !lastTurn && this.#nextTurn(reply);
    if (!this.#follow(reply)) return false;
    return this.#askUser(simulated);
  }

  /** The release's replies as one: the last one's text and end, the calls, tokens and time of all. Null where it was never asked. */
  answer(): Answered | null {
    const last = this.#last;
    if (last === null) return null;
    const { text, refusal, context, citations, logprobs } = last.output;
    return {
      ...last,
      output: {
        text,
        toolCalls: this.#trajectory.flatMap(({ toolCalls = [] }) => toolCalls),
        ...(refusal === undefined ? {} : { refusal }),
        ...(context === undefined ? {} : { context }),
        ...(citations === undefined ? {} : { citations }),
        ...(logprobs === undefined ? {} : { logprobs }),
        ...(this.#isRecording(last) ? {} : { trajectory: this.#trajectory }),
        ...(this.#cutOff === undefined ? {} : { cutOff: this.#cutOff }),
      },
      stopReason: this.#cutOff?.code ?? last.stopReason,
      usage: this.#usage,
      latencyMs: this.#latencyMs,
      droppedParams: [...this.#droppedParams],
    };
  }

  /** A recording of nothing but an answer says nothing of the way to it. */
  #isRecording({ output }: Answered): boolean {
    return !this.#runsTools && this.#turns.length === 0 && output.trajectory === undefined;
  }

  #runTools(reply: Answered, pending: readonly ToolCall[]): boolean {
    const invalid = pending.find(({ args }) => !isJsonObject(args));
    if (reply.stopReason === 'length')
      return this.#cut(
        'tool_args_invalid',
        `the reply reached its token limit within the call ${shortCall(invalid ?? (pending.at(-1) as ToolCall))}`,
      );
    if (invalid !== undefined)
      return this.#cut(
        'tool_args_invalid',
        `the arguments of the call ${shortCall(invalid)} are not a JSON object`,
      );
    const tools = this.#tools ?? new CannedTools([]);
    const results: Message[] = [];
    for (const call of pending) {
      const found = tools.reply(call);
      if (found.kind === 'unmatched') return this.#cut('tool_unmatched', found.message);
      const error = found.error ? { error: true as const } : {};
      const { id, name } = call;
      this.#log({ role: 'tool', content: found.content, toolCallId: this.#idOf(call), name, ...error });
      results.push({
        role: 'tool',
        content: found.content,
        ...(id === undefined ? {} : { toolCallId: id }),
        ...error,
      });
    }
    if (this.#stepsOfTurn >= this.#maxSteps) return this.#atMaxSteps();
    this.#extend(assistantMessage(reply), ...results);
    return true;
  }

  #nextTurn(reply: Answered): boolean {
    return this.#follow(reply) && this.#beginTurn();
  }

  /** Makes the reply history. False: there is nothing to follow, and the conversation is cut off. */
  #follow(reply: Answered): boolean {
    const said = assistantMessage(reply);
    if (said.content === '' && said.native === undefined)
      return this.#cut('empty_reply', 'the reply is empty, and the user has nothing to answer');
    this.#extend(said);
    return true;
  }

  /** False where there is no further turn. */
  #beginTurn(): boolean {
    const turn = this.#turns[this.#turn];
    if (turn === undefined) return false;
    this.#turn++;
    this.#said = 0;
    if ('simulate' in turn) return this.#askUser(turn);
    this.#user(turn.user, turn.parts);
    return true;
  }

  get #simulated(): SimulatedTurn | null {
    const turn = this.#turns[this.#turn - 1];
    return turn !== undefined && 'simulate' in turn ? turn : null;
  }

  #user(content: string, parts?: readonly Part[]): void {
    this.#stepsOfTurn = 0;
    this.#log({ role: 'user', content });
    this.#extend({ role: 'user', content, ...(parts === undefined ? {} : { parts }) });
  }

  #askUser({ simulate: persona }: SimulatedTurn): true {
    const { caseId, trial } = this.#history;
    this.asked = { who: 'user', persona };
    this.request = userRequest(persona, this.#trajectory, { caseId, trial });
    return true;
  }

  /** What the simulated user wrote. It ends its turn by a message with the stop mark, which is removed. */
  #userSays({ output }: Answered): boolean {
    this.asked = RELEASE;
    this.request = this.#history;
    const said = output.text.trim();
    if (said === '' || said.includes(USER_STOPS)) return this.#beginTurn();
    this.#said++;
    this.#user(said);
    return true;
  }

  #atMaxSteps(): false {
    const { maxSteps } = this.#case;
    const limit = `max-steps ${this.#maxSteps}${maxSteps === undefined ? ', the default' : ''}`;
    return this.#cut(
      'max_steps',
      `the release still called tools in its reply ${this.#stepsOfTurn} (${limit})`,
    );
  }

  #cut(code: CutOffCode, what: string): false {
    const turn = this.#turns.length > 1 ? `in turn ${this.#turn}, ` : '';
    this.#cutOff = { code, message: `${turn}${what}` };
    return false;
  }

  #extend(...messages: readonly Message[]): void {
    this.#history = { ...this.#history, messages: [...this.#history.messages, ...messages] };
    this.request = this.#history;
  }

  #log(entry: Omit<TrajectoryEntry, 'turn'>): void {
    this.#trajectory.push({ turn: this.#turn, ...entry });
  }

  #logReply({ output: { text, toolCalls, refusal }, hostedResults = [] }: Answered): void {
    this.#ids.clear();
    const calls = toolCalls.map((call) => ({ ...call, id: this.#newId(call) }));
    this.#log({
      role: 'assistant',
      content: text,
      ...(calls.length === 0 ? {} : { toolCalls: calls }),
      ...(refusal === undefined ? {} : { refusal }),
    });
    for (const { call, content, error } of hostedResults)
      this.#log({
        role: 'tool',
        content,
        toolCallId: this.#idOf(call),
        name: call.name,
        ...(error === undefined ? {} : { error }),
      });
  }

  #newId(call: ToolCall): string {
    const id = `call_${++this.#made}`;
    this.#ids.set(call, id);
    if (call.id !== undefined) this.#ids.set(call.id, id);
    return id;
  }

  #idOf(call: ToolCall): string {
    return this.#ids.get(call) ?? this.#ids.get(call.id ?? '') ?? `call_${this.#made}`;
  }

  #count({ usage, latencyMs, droppedParams = [] }: Answered): void {
    this.#usage = this.#replies === 0 ? usage : sumOf(this.#usage, usage);
    this.#latencyMs = this.#latencyMs === null || latencyMs === null ? null : this.#latencyMs + latencyMs;
    for (const param of droppedParams) this.#droppedParams.add(param);
    this.#replies++;
  }
}

/** A reply as a message of the history. */
function assistantMessage({ output, native }: Answered): Message {
  const { text, toolCalls, refusal } = output;
  return {
    role: 'assistant',
    content: text === '' ? (refusal ?? '') : text,
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(native === undefined ? {} : { native }),
  };
}

/** Token counts that both sides tell are added; input and output tokens that one side keeps back are unknown. */
function sumOf(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return null;
  const both = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined || y === undefined ? undefined : x + y;
  const any = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined && y === undefined ? undefined : (x ?? 0) + (y ?? 0);
  const sum = {
    inputTokens: both(a.inputTokens, b.inputTokens),
    outputTokens: both(a.outputTokens, b.outputTokens),
    cachedInputTokens: any(a.cachedInputTokens, b.cachedInputTokens),
    cacheWriteTokens: any(a.cacheWriteTokens, b.cacheWriteTokens),
    reasoningTokens: any(a.reasoningTokens, b.reasoningTokens),
  };
  return Object.fromEntries(Object.entries(sum).filter(([, n]) => n !== undefined)) as Usage;
}

// Request + behaviour → what the simulated model says. Pure: everything random comes from the draw key.

import { type JsonObject, type JsonValue, jsonAt } from '../base/json.ts';
import type { AskedRequest } from './asked-request.ts';
import { tokenCount } from './asked-request.ts';
import { drawsFrom } from './draws.ts';
import { type Conduct, conductFor, plain } from './effects.ts';
import { drawLength, pad } from './filler.ts';
import { type JudgeTask, judgeReply } from './judge.ts';
import type { Knowledge, Scenario } from './scenario.ts';
import { fillSchema } from './schema-fill.ts';
import { judgeInSession, skillInSession } from './sessions.ts';
import type { Resolution } from './timeline.ts';

/** A tool call the model makes. */
interface SimulatedCall {
  readonly name: string;
  readonly args: JsonObject;
}

/** One finished reply, in no wire format. */
export interface Reply {
  readonly text: string;
  readonly toolCalls: readonly SimulatedCall[];
  /** The scripted path that the calls belong to, see `LoopState`. */
  readonly path: number;
  readonly refusal: string | null;
  readonly finish: 'stop' | 'length' | 'stop-sequence' | 'tool-calls' | 'refusal';
  /** The stop sequence that was hit. */
  readonly stoppedAt: string | null;
  readonly outputTokens: number;
  readonly latencyMs: number;
}

/** All that a reply depends on. */
export interface ReplyQuestion {
  readonly scenario: Scenario;
  readonly served: Extract<Resolution, { kind: 'served' }>;
  readonly asked: AskedRequest;
  readonly judgeTask: JudgeTask | null;
  readonly now: number;
  /** Names the trial: seed, date, version, request, how often it was answered before, which choice. */
  readonly key: readonly (string | number)[];
}

/** The scripted case that a request is about: the longest `match` found in the user's turns. */
export function knowledgeFor(scenario: Scenario, userText: string): Knowledge | null {
  const said = plain(userText);
  let best: Knowledge | null = null;
  for (const entry of scenario.knowledge) {
    if (entry.match.length > (best?.match.length ?? 0) && said.includes(plain(entry.match))) best = entry;
  }
  return best;
}

/** Makes the reply. */
export function makeReply(question: ReplyQuestion): Reply {
  const { scenario, served, asked, judgeTask, now, key } = question;
  const entry =
    judgeTask === null
      ? (knowledgeFor(scenario, asked.loop.turnText) ?? knowledgeFor(scenario, asked.userText))
      : null;
  const conduct = conductFor(scenario, served, asked, entry?.tags ?? [], entry?.ease ?? 1, now);
  const { median, sigma } = conduct.version.latencyMs;
  const latencyMs = median * Math.exp(sigma * drawsFrom(...key, 'latency').normal());

  if (drawsFrom(...key, 'refusal').uniform() < conduct.refusal) {
    const refusal = "I'm sorry, but I can't help with that request.";
    const outputTokens = tokenCount(refusal);
    const nothing = { text: '', toolCalls: [], path: 0, stoppedAt: null };
    return { ...nothing, refusal, finish: 'refusal', outputTokens, latencyMs };
  }
  const said =
    judgeTask === null ? subjectAnswer(question, entry, conduct) : judgeAnswer(question, judgeTask, conduct);
  return { ...finished(said, asked), latencyMs };
}

interface Said {
  readonly text: string;
  readonly toolCalls: readonly SimulatedCall[];
  readonly path?: number;
}

function judgeAnswer({ scenario, asked, key, now }: ReplyQuestion, task: JudgeTask, conduct: Conduct): Said {
  const schema = asked.outputSchema?.schema ?? null;
  const verdicts = judgeReply(
    task,
    schema,
    scenario.judge,
    judgeInSession(scenario, scenario.judge, conduct.version, now),
    drawsFrom(...key, 'judge'),
  );
  return structured(asked, verdicts);
}

function subjectAnswer(
  { scenario, asked, key, now }: ReplyQuestion,
  entry: Knowledge | null,
  conduct: Conduct,
): Said {
  const draws = drawsFrom(...key, 'answer');
  const isRight = draws.uniform() < skillInSession(scenario, conduct.skill, entry, now);
  const fresh = draws.uniform();
  const chosen =
    entry === null
      ? null
      : asked.loop.callsMade > 0
        ? answerOnPath(entry, asked.loop.path)
        : isRight
          ? rightAnswer(entry)
          : wrongAnswer(entry, asked, conduct, fresh);
  const length = drawsFrom(...key, 'length');
  // Measured by the right text, whichever was chosen: a version is as wordy when it errs.
  const longer = (core: string, right: string = core): string => {
    const target = drawLength(right.length, conduct.verbosity, conduct.version.verbositySpread, length);
    return pad(core, target, length, scenario.filler.sentences);
  };
  const paddedJson = (json: JsonObject): JsonObject => {
    const { jsonKey } = scenario.filler;
    const inner = json[jsonKey];
    const right = entry?.rightJson?.[jsonKey];
    return typeof inner === 'string'
      ? { ...json, [jsonKey]: longer(inner, typeof right === 'string' ? right : inner) }
      : json;
  };

  const calls = nextCalls(chosen, asked);
  if (calls.length > 0) {
    const path = chosen?.path ?? 0;
    return { text: '', toolCalls: calls.map((c) => ({ name: c.name, args: c.arguments })), path };
  }
  if (asked.outputSchema !== null) {
    const json = chosen?.json ?? entry?.rightJson;
    if (json !== undefined) return structured(asked, paddedJson(json));
    const filled = fillSchema(asked.outputSchema.schema, drawsFrom(...key, 'schema'));
    return structured(asked, scripted(filled, scenario.filler.jsonKey, chosen?.text));
  }
  if (chosen?.text !== undefined) {
    // A scripted JSON text is not padded: sentences after its last brace would break it.
    return { text: isJsonText(chosen.text) ? chosen.text : longer(chosen.text, entry?.right), toolCalls: [] };
  }
  if (chosen?.json !== undefined) return { text: JSON.stringify(paddedJson(chosen.json)), toolCalls: [] };
  return { text: longer(scenario.fallbackReply), toolCalls: [] };
}

interface Chosen {
  readonly text?: string | undefined;
  readonly json?: JsonObject | undefined;
  readonly toolCalls?: Knowledge['toolCalls'];
  readonly thenCalls?: Knowledge['thenCalls'];
  /** See `LoopState`. */
  readonly path?: number | undefined;
}

function rightAnswer(entry: Knowledge): Chosen {
  const { right, rightJson, toolCalls, thenCalls } = entry;
  return { text: right, json: rightJson, toolCalls, thenCalls };
}

/** The answer whose calls have been made already: a model goes on as it began. */
function answerOnPath(entry: Knowledge, path: number): Chosen {
  const wrong = entry.wrong[path - 1];
  if (wrong === undefined) return rightAnswer(entry);
  return typeof wrong === 'string' ? { text: wrong, path } : { ...wrong, path };
}

/** The calls of the next reply: the first list that goes beyond the calls made so far, as far as the request offers their tools. */
function nextCalls(chosen: Chosen | null, asked: AskedRequest): NonNullable<Knowledge['toolCalls']> {
  const { callsMade, toolAnswered } = asked.loop;
  if (chosen === null || !asked.toolsAllowed || (toolAnswered && callsMade === 0)) return [];
  let before = 0;
  for (const step of [chosen.toolCalls ?? [], ...(chosen.thenCalls ?? [])]) {
    const calls = step.filter((call) => asked.tools.some((t) => t.name === call.name));
    if (calls.length > 0 && before >= callsMade) return calls;
    before += calls.length;
  }
  return [];
}

/** One of the wrong replies; those of the weakest tag first. A schema rules out replies that do not even parse. */
function wrongAnswer(entry: Knowledge, asked: AskedRequest, conduct: Conduct, u: number): Chosen {
  const all = entry.wrong.map((w, i) => ({ ...(typeof w === 'string' ? { text: w } : w), path: i + 1 }));
  const possible =
    asked.outputSchema === null ? all : all.filter((w) => 'json' in w || entry.rightJson === undefined);
  if (possible.length === 0) return rightAnswer(entry);
  const blamed = possible.filter((w) => 'tag' in w && w.tag !== undefined && w.tag === conduct.weakest);
  const pool = blamed.length > 0 ? blamed : possible;
  const weights = pool.map((w) => ('weight' in w ? (w.weight ?? 1) : 1));
  let left = u * weights.reduce((sum, w) => sum + w, 0);
  for (const [i, wrong] of pool.entries()) {
    left -= weights[i] ?? 0;
    if (left < 0) return wrong;
  }
  return pool.at(-1) ?? rightAnswer(entry);
}

function isJsonText(text: string): boolean {
  return /^\s*(```|[{[])/.test(text);
}

/** Puts the scripted text into a filled schema's text property, so that even an unscripted form says the scripted thing. */
function scripted(filled: JsonValue, jsonKey: string, text: string | undefined): JsonValue {
  if (text === undefined || typeof jsonAt(filled, jsonKey) !== 'string') return filled;
  return { ...(filled as JsonObject), [jsonKey]: text };
}

/** JSON in the channel the request demands: as the text, or as the input of the forced tool. */
function structured(asked: AskedRequest, json: JsonValue): Said {
  if (asked.outputSchema?.channel === 'tool') {
    return { text: '', toolCalls: [{ name: asked.outputSchema.tool, args: json as JsonObject }] };
  }
  return { text: JSON.stringify(json), toolCalls: [] };
}

/** Applies stop sequences and the token limit. */
function finished(said: Said, asked: AskedRequest): Omit<Reply, 'latencyMs'> {
  const rest = { toolCalls: said.toolCalls, path: said.path ?? 0, refusal: null };
  if (said.toolCalls.length > 0) {
    const outputTokens = tokenCount(JSON.stringify(said.toolCalls));
    return { ...rest, text: said.text, finish: 'tool-calls', stoppedAt: null, outputTokens };
  }
  let { text } = said;
  let stoppedAt: string | null = null;
  for (const stop of asked.stop) {
    const at = stop === '' ? -1 : text.indexOf(stop);
    if (at >= 0) {
      text = text.slice(0, at);
      stoppedAt = stop;
    }
  }
  const limit = asked.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  if (tokenCount(text) > limit) {
    return {
      ...rest,
      text: text.slice(0, limit * 4),
      finish: 'length',
      stoppedAt: null,
      outputTokens: limit,
    };
  }
  const finish = stoppedAt === null ? 'stop' : 'stop-sequence';
  return { ...rest, text, finish, stoppedAt, outputTokens: tokenCount(text) };
}

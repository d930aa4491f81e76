// What of a run is kept: the user's own redaction rules, and how much text is stored at all. Applied before anything is judged or written.

import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import {
  contentHash,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  LastgoodError,
  listCode,
} from '../../base/index.ts';
import { timeBound } from '../../base/time-bound.ts';
import {
  type Case,
  type GradedTrial,
  mapCases,
  type Suite,
  type TrajectoryEntry,
  type Trial,
} from '../../core/index.ts';
import { withMediaAside } from './redact-media.ts';
import type { redactRuleSchema } from './settings-schema.ts';

const REDACTED = '[redacted]';
const NOT_STORED = '[not stored]';

/** One rule of `redact`. */
export type RedactRule = z.output<typeof redactRuleSchema>;

/** `all`: everything. `outputs`: answers, but no requests and no case texts. `scores`: no texts at all; scores, hashes and numbers. */
export const STORE_MODES = ['all', 'outputs', 'scores'] as const;
export type StoreMode = (typeof STORE_MODES)[number];

export interface Privacy {
  readonly store: StoreMode;
  /** A trial as it may be judged and written. */
  redact(trial: Trial): Trial;
  /** What of a graded trial is written. */
  kept(graded: GradedTrial): GradedTrial;
  /** Any other value as it may be written. */
  value<T extends JsonValue>(value: T): T;
  /** The text of an answer, which may be JSON itself. */
  answer(text: string): string;
  /** A message of a service as it may be written. */
  message(text: string): string;
  /** The suite as it may be written, and how many of its cases are not as they were asked. */
  suite(suite: Suite): { readonly suite: Suite; readonly changed: number };
}

/** Compiles the rules; throws `REDACT_PATTERN` or `REDACT_MODULE` for one that cannot be used. null when nothing is asked for. */
export async function readPrivacy(
  rules: readonly RedactRule[],
  store: StoreMode,
  /** Longest that all rules together may take on one thing that is to be kept. */
  longestMs = 5000,
): Promise<Privacy | null> {
  if (rules.length === 0 && store === 'all') return null;
  const compiled = await Promise.all(rules.map(compile));
  /** All the rules on one thing that is to be kept. */
  const bound = <T>(work: () => T): T =>
    compiled.length === 0 ? work() : timeBound(work, longestMs, () => tooLong(longestMs));
  const text = (input: string): string => compiled.reduce((t, rule) => rule.text(t), input);
  const json = <T extends JsonValue>(value: T): T =>
    walk(
      compiled.reduce<JsonValue>((v, rule) => rule.json(v), value),
      text,
    ) as T;
  /** A text that is itself JSON is redacted inside it; its form stays as it was when no path rule hits. */
  const answer = (input: string): string => {
    const trimmed = input.trimStart();
    if (!trimmed.startsWith('{') && !trimmed.startsWith('[')) return text(input);
    try {
      const value = JSON.parse(input) as JsonValue;
      const hit = compiled.reduce<JsonValue>((v, rule) => rule.json(v), value);
      return text(JSON.stringify(hit) === JSON.stringify(value) ? input : JSON.stringify(hit));
    } catch {
      return text(input);
    }
  };

  const unbound: Privacy = {
    store,
    value: json,
    answer,
    redact(trial) {
      if (compiled.length === 0) return trial;
      const sent = trial.sent === null ? null : json(trial.sent);
      const attempts = trial.attempts.map((a) =>
        a.message === undefined ? a : { ...a, message: text(a.message) },
      );
      if (trial.status !== 'answered') return { ...trial, sent, attempts, message: text(trial.message) };
      const { output } = trial;
      return {
        ...trial,
        sent,
        attempts,
        output: {
          text: answer(output.text),
          toolCalls: output.toolCalls.map((call) => ({ ...call, args: json(call.args) })),
          ...(output.refusal === undefined ? {} : { refusal: text(output.refusal) }),
          ...(output.context === undefined ? {} : { context: json(output.context) }),
          ...(output.citations === undefined ? {} : { citations: output.citations.map(json) }),
          // Spelt out token by token, a text that a rule takes out would still be there.
          ...(output.logprobs === undefined || answer(output.text) !== output.text
            ? {}
            : { logprobs: json(output.logprobs) }),
          ...(output.trajectory === undefined
            ? {}
            : { trajectory: output.trajectory.map((entry) => redactedEntry(entry, answer, json)) }),
          ...(output.cutOff === undefined
            ? {}
            : { cutOff: { ...output.cutOff, message: text(output.cutOff.message) } }),
        },
      };
    },
    kept(graded) {
      const redacted =
        compiled.length === 0
          ? graded
          : { ...graded, grades: graded.grades.map((g) => ({ ...g, ...quotes(g, text, json) })) };
      if (store === 'all') return redacted;
      const trial = { ...redacted.trial, sent: null };
      if (store === 'outputs') return { ...redacted, trial };
      const grades = redacted.grades.map(({ details: _details, ...g }) => ({ ...g, reason: NOT_STORED }));
      const attempts = trial.attempts.map(({ message: _message, ...a }) => a);
      if (trial.status !== 'answered')
        return { ...redacted, trial: { ...trial, attempts, message: NOT_STORED }, grades };
      // The hash is the answer's own, so that an answer that changed differs from one that did not.
      const outputHash = contentHash(trial.output as unknown as JsonObject);
      const output = { text: '', toolCalls: [] };
      return {
        ...redacted,
        trial: { ...trial, attempts, output, removedOutputHash: trial.removedOutputHash ?? outputHash },
        grades,
      };
    },
    message: (input) => (store === 'scores' ? NOT_STORED : text(input)),
    suite(suite) {
      const keptOf = (c: Case): Case => {
        const { vars, messages, expected, meta, turns, tools, params } = c;
        const plain = {
          vars,
          messages,
          meta,
          ...(turns === undefined ? {} : { turns }),
          ...(tools === undefined ? {} : { tools }),
          ...(params === undefined ? {} : { params }),
          ...(expected === undefined ? {} : { expected }),
        } as unknown as JsonObject;
        const kept =
          store === 'all'
            ? bound(() => withMediaAside(plain, json))
            : { vars: {}, messages: null, meta: {}, expected: undefined };
        if (JSON.stringify(kept) === JSON.stringify(plain)) return c;
        const { turns: _turns, tools: _tools, params: _params, ...rest } = c;
        return { ...rest, ...(kept as object) } as Case;
      };
      let changed = 0;
      for (const c of suite.cases) if (keptOf(c) !== c) changed++;
      return {
        suite: changed === 0 ? suite : { ...suite, cases: mapCases(suite.cases, keptOf) },
        changed,
      };
    },
  };
  return {
    ...unbound,
    redact: (trial) => bound(() => unbound.redact(trial)),
    kept: (graded) => bound(() => unbound.kept(graded)),
    value: (value) => bound(() => unbound.value(value)),
    answer: (input) => bound(() => unbound.answer(input)),
    message: (input) => bound(() => unbound.message(input)),
  };
}

function tooLong(longestMs: number): never {
  throw new LastgoodError({
    code: 'REDACT_TIMEOUT',
    message: `the redaction rules did not come to an end on a text within ${longestMs / 1000} s, and nothing is kept that they did not let through`,
    where: { key: 'redact' },
    hint: 'an expression such as (a+)+$ can backtrack without end, and a module can loop',
    exitCode: 4,
  });
}

function redactedEntry(
  entry: TrajectoryEntry,
  answer: (input: string) => string,
  json: (value: JsonValue) => JsonValue,
): TrajectoryEntry {
  const { content, toolCalls, refusal } = entry;
  return {
    ...entry,
    content: answer(content),
    ...(toolCalls === undefined
      ? {}
      : { toolCalls: toolCalls.map((call) => ({ ...call, args: json(call.args) })) }),
    ...(refusal === undefined ? {} : { refusal: answer(refusal) }),
  };
}

function quotes(
  grade: GradedTrial['grades'][number],
  text: (input: string) => string,
  json: (value: JsonValue) => JsonValue,
): object {
  return {
    reason: text(grade.reason),
    ...(grade.details === undefined ? {} : { details: json(grade.details) }),
  };
}

interface Compiled {
  text(input: string): string;
  json(value: JsonValue): JsonValue;
}

async function compile(rule: RedactRule): Promise<Compiled> {
  if ('pattern' in rule) {
    const pattern = regexOf(rule.pattern, rule.flags ?? '');
    const instead = rule.with ?? REDACTED;
    return { text: (input) => input.replace(pattern, () => instead), json: (value) => value };
  }
  if ('json-path' in rule) {
    const path = rule['json-path'].replace(/^\$\.?/, '').split('.');
    return { text: (input) => input, json: (value) => atPath(value, path, rule.with ?? REDACTED) };
  }
  const redact = await redactModule(rule.module);
  return { text: redact, json: (value) => value };
}

function regexOf(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, [...new Set(`${flags}g`)].join(''));
  } catch (error) {
    throw new LastgoodError({
      code: 'REDACT_PATTERN',
      message: `the redaction pattern ${JSON.stringify(pattern)} is not a regular expression: ${(error as Error).message}`,
      where: { key: 'redact' },
    });
  }
}

async function redactModule(file: string): Promise<(input: string) => string> {
  const fail = (why: string, exitCode: 2 | 4 = 2): LastgoodError =>
    new LastgoodError({
      code: 'REDACT_MODULE',
      message: `the redaction module cannot be used: ${why}`,
      where: { file },
      hint: 'export default (text) => text.replaceAll(…)',
      exitCode,
    });
  listCode('redact module', file, { key: 'redact' });
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    throw fail((error as Error).message);
  }
  const redact = loaded.default;
  if (typeof redact !== 'function') throw fail('it has no default export that is a function');
  return (input) => {
    let out: unknown;
    try {
      out = (redact as (text: string) => unknown)(input);
    } catch (error) {
      // Its message may quote what was to be taken out.
      const kind = error instanceof Error ? error.name : typeof error;
      throw fail(`it threw (${kind}; what it says is not repeated, since it may hold the text)`, 4);
    }
    // Nothing is written that the user's own rule did not let through.
    if (typeof out !== 'string') throw fail(`it gave back ${typeof out} instead of a text`, 4);
    return out;
  };
}

function atPath(value: JsonValue, path: readonly string[], instead: string): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) return instead;
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((item, i) =>
      step === '*' || step === String(i) ? atPath(item, rest, instead) : item,
    );
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      child !== undefined && (step === '*' || step === key) ? atPath(child, rest, instead) : child,
    ]),
  );
}

function walk(value: JsonValue, text: (input: string) => string): JsonValue {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((item) => walk(item, text));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, child === undefined ? child : walk(child, text)]),
  );
}

// Graders outside this process: a command per grade with a minimal environment, or a POST to the user's service. JSON in, JSON out.

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { platform } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { childEnvironment, ownVariables } from '../base/child-environment.ts';
import { fileNamed, hashOfFile } from '../base/command-files.ts';
import { quote } from '../base/document.ts';
import { LastgoodError, throwAll } from '../base/errors.ts';
import { DEEPEST_VALUE, isDeeperThan, isJsonObject, type JsonValue } from '../base/json.ts';
import { listCode } from '../base/trust.ts';
import {
  type ProgramAnswer,
  type ProgramGrader,
  type ProgramGraders,
  programKey,
} from '../core/program-grader.ts';
import type { EnvText } from '../core/release.ts';
import { type Child, LARGEST_OUTPUT, startChild } from './child.ts';
import { Aborted, connectionProblem, untilAborted } from './failure.ts';
import { send } from './http.ts';
import { retryAfterMs } from './reply-headers.ts';
import type { ProviderContext } from './route.ts';
import { nowOf } from './route.ts';
import { openTransport, type Transport } from './transport.ts';

/** Processes at once: each is a program of its own, on a machine that has other things to do. */
const COMMANDS_AT_ONCE = 4;
const REQUESTS_AT_ONCE = 16;

/** Attempts at a service that is overloaded or cannot be reached. */
const MOST_ATTEMPTS = 4;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;

/** One grader, ready to be asked. */
type Ask = (input: JsonValue, signal: AbortSignal) => Promise<ProgramAnswer>;

type Command = Extract<ProgramGrader, { type: 'command' }>['options'];
type Service = Extract<ProgramGrader, { type: 'http' }>['options'];

/**
 * Makes these graders ready; no others are run. Throws `LastgoodError`s when no code may run, a program is not there or a variable is
 * not set. Nothing is started or called.
 */
export async function createProgramGraders(
  graders: Iterable<ProgramGrader>,
  context: ProviderContext,
): Promise<ProgramGraders> {
  const errors: LastgoodError[] = [];
  const ready = new Map<string, Ask>();
  const commands = pLimit(COMMANDS_AT_ONCE);
  const requests = pLimit(REQUESTS_AT_ONCE);
  const running = new Set<Child>();
  const wanted = [...graders];
  // All of these stand in a suite file; the caller sees to that.
  for (const spec of wanted)
    if (spec.type === 'command')
      listCode('command grader', `${spec.options.run.join(' ')} (grader ${spec.id})`);
  const transport = wanted.some((spec) => spec.type === 'http') ? await openTransport(context.env) : null;
  for (const spec of wanted) {
    if (spec.type === 'command') {
      const ask = commandAsk(spec, running, context, errors);
      ready.set(programKey(spec), (input, signal) => commands(() => ask(input, signal)));
    } else if (transport !== null) {
      const ask = serviceAsk(spec, transport, context, errors);
      ready.set(programKey(spec), (input, signal) => requests(() => ask(input, signal)));
    }
  }
  if (errors.length > 0) await transport?.close();
  throwAll(errors);
  /** Keys of graders that were asked: working one out hashes the whole grader. */
  const keys = new WeakMap<ProgramGrader, string>();
  return {
    async ask(spec, input, signal) {
      const key = keys.get(spec) ?? programKey(spec);
      keys.set(spec, key);
      const ask = ready.get(key);
      if (ask === undefined)
        return failure('it stands in no suite file of this working tree, so it is not run');
      if (signal.aborted) return failure('cancelled before it was asked');
      return ask(input, signal);
    },
    async close() {
      for (const child of running) child.stop();
      await Promise.all([...running].map((child) => child.gone));
      await transport?.close();
    },
  };
}

// Commands

function commandAsk(
  spec: ProgramGrader & { type: 'command' },
  running: Set<Child>,
  context: ProviderContext,
  errors: LastgoodError[],
): Ask {
  const { options } = spec;
  const env = { ...childEnvironment(context.env), ...ownVariables(context.env) };
  for (const name of options.env) {
    const value = textOf({ env: name }, spec, context, errors);
    if (value !== undefined) env[name] = value;
  }
  const problem = programProblem(options, env['PATH']);
  if (problem !== null)
    errors.push(
      new LastgoodError({
        code: 'GRADER_PROGRAM_MISSING',
        message: `the grader ${quote(spec.id)} cannot run: ${problem}`,
        hint: 'name the program by its path (relative to the file the grader stands in), or install it',
      }),
    );
  return async (input, signal) => {
    const changed = changedFile(options);
    if (changed !== null) return failure(`${quote(changed)} changed after the suite was read`);
    const limit = AbortSignal.timeout(options.timeoutMs);
    const child = startChild(
      { command: options.run, cwd: options.cwd, env, stdin: `${JSON.stringify(input)}\n` },
      AbortSignal.any([signal, limit]),
    );
    running.add(child);
    void child.gone.then(() => running.delete(child));
    const end = await child.end;
    switch (end.kind) {
      case 'aborted':
        if (signal.aborted) return failure('cancelled before it was done');
        // The next one starts when this one is gone.
        await child.gone;
        return failure(`it gave no answer within ${options.timeoutMs} ms and was ended`);
      case 'not-started':
        return failure(`it could not be started: ${end.message}`);
      case 'too-large':
        return failure(`it wrote more than ${LARGEST_OUTPUT / 1024 / 1024} MB`);
      case 'killed':
        return failure(withLastLine(`it was ended by ${end.by}`, end.stderr));
      case 'exited':
        if (end.code !== 0) return failure(withLastLine(`it ended with exit code ${end.code}`, end.stderr));
        return answerIn(end.stdout, 'its standard output');
    }
  };
}

/** Why the program cannot be started; null when nothing is known to be in the way. */
function programProblem({ run, cwd }: Command, path: string | undefined): string | null {
  const [program = ''] = run;
  if (!existsSync(cwd)) return `the folder ${quote(cwd)} does not exist`;
  if (platform === 'win32') return null;
  const places = program.includes('/')
    ? [resolve(cwd, program)]
    : (path ?? '').split(delimiter).map((folder) => join(resolve(cwd, folder), program));
  const found = places.filter((place) => existsSync(place));
  if (found.length === 0) return `there is no program ${quote(program)}`;
  return found.some(isExecutable) ? null : `${quote(program)} is not executable`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first file of the command that is not what the exam says it is. */
function changedFile({ files, cwd }: Command): string | null {
  for (const [word, hash] of Object.entries(files)) {
    const path = fileNamed(word, cwd);
    if (path === null || hashOfFile(path) !== hash) return word;
  }
  return null;
}

function withLastLine(what: string, stderr: string): string {
  const last = stderr.trimEnd().split(/\r?\n/).at(-1)?.trim();
  return last ? `${what}: ${last}` : what;
}

// Services

function serviceAsk(
  spec: ProgramGrader & { type: 'http' },
  transport: Transport,
  context: ProviderContext,
  errors: LastgoodError[],
): Ask {
  const { options } = spec;
  const url = textOf(options.url, spec, context, errors) ?? '';
  if (typeof options.url !== 'string' && url !== '' && !isAddress(url))
    errors.push(
      new LastgoodError({
        code: 'GRADER_ADDRESS',
        message: `the grader ${quote(spec.id)} takes its address from ${options.url.env}, which holds no http://… or https://… address`,
      }),
    );
  if (isAddress(url)) {
    const { password, searchParams } = new URL(url);
    for (const secret of [password, ...searchParams.values()]) context.mask.add(secret);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers)) {
    const text = textOf(value, spec, context, errors);
    if (text === undefined) continue;
    headers[name.toLowerCase()] = text;
    if (typeof value === 'string') continue;
    context.mask.add(text);
    context.mask.add(text.slice((value.prefix ?? '').length));
  }
  const endpoint = { method: 'POST', url, headers };
  return async (input, signal) => {
    for (let n = 1; ; n++) {
      const found = await once(endpoint, transport, context, input, options, signal);
      if (found.answer.kind === 'value' || !found.retryable || n >= MOST_ATTEMPTS || signal.aborted)
        return found.answer;
      const wait = Math.max(FIRST_WAIT_MS * 2 ** (n - 1), found.retryAfterMs ?? 0);
      try {
        await sleep(Math.min(wait, LONGEST_WAIT_MS), undefined, { signal });
      } catch {
        return found.answer;
      }
    }
  };
}

interface Attempt {
  readonly answer: ProgramAnswer;
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
}

async function once(
  endpoint: Parameters<typeof send>[0],
  transport: Transport,
  context: ProviderContext,
  input: JsonValue,
  { timeoutMs }: Service,
  signal: AbortSignal,
): Promise<Attempt> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const lost = (message: string, retryable = false, retryAfter?: number): Attempt => ({
    answer: failure(message),
    retryable,
    retryAfterMs: retryAfter,
  });
  try {
    const reply = await untilAborted(either, send(endpoint, transport, input, either));
    const { status } = reply;
    if (status >= 200 && status < 300) return { answer: answerIn(reply.text, 'its reply'), retryable: false };
    if (status >= 300 && status < 400)
      return lost(`${status} it redirects to another place, which is not followed`);
    const said = reply.text.trim() === '' ? 'without a body' : reply.text.trim().slice(0, 500);
    const busy = status === 408 || status === 429 || status >= 500;
    return lost(`${status} ${said}`, busy, retryAfterMs(reply.headers, nowOf(context)));
  } catch (error) {
    if (signal.aborted) return lost('cancelled before it was done');
    if (error instanceof Aborted || either.aborted) return lost(`it gave no answer within ${timeoutMs} ms`);
    return lost(connectionProblem(error).message, true);
  }
}

function isAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

// Both

function textOf(
  value: EnvText,
  spec: ProgramGrader,
  context: ProviderContext,
  errors: LastgoodError[],
): string | undefined {
  if (typeof value === 'string') return value;
  const found = context.env(value.env);
  if (found !== undefined && found !== '') return `${value.prefix ?? ''}${found}`;
  errors.push(
    new LastgoodError({
      code: 'ENV_MISSING',
      message: `environment variable ${value.env} is not set, and the grader ${quote(spec.id)} takes it from there`,
      hint: `set ${value.env} in the environment or in .env`,
    }),
  );
  return undefined;
}

/** The one JSON value of an answer; an object with an `error` says itself that nothing was measured. */
function answerIn(text: string, where: string): ProgramAnswer {
  if (text.trim() === '') return failure(`${where} is empty`);
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return failure(`${where} is not one JSON value: ${quote(text.trim().slice(0, 80))}`);
  }
  if (isDeeperThan(value, DEEPEST_VALUE)) return failure(`${where} is nested too deeply`);
  const error = isJsonObject(value) ? value['error'] : undefined;
  if (error === undefined || error === null || error === false) return { kind: 'value', value };
  return failure(`it reports: ${typeof error === 'string' ? error : JSON.stringify(error)}`);
}

function failure(message: string): ProgramAnswer {
  return { kind: 'failed', message };
}

// The command provider: a child process per call, JSON on its standard input, JSON or plain text on its standard output.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { childEnvironment, ownVariables } from '../base/child-environment.ts';
import { commandWords, programHash } from '../base/command-line.ts';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { DEEPEST_VALUE, isDeeperThan, isJsonObject, shortHash } from '../base/json.ts';
import { withoutMediaBytes } from '../core/media.ts';
import type { Provider, ProviderReply } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { Child } from './child.ts';
import { LARGEST_OUTPUT, startChild } from './child.ts';
import type { Problem } from './failure.ts';
import { abortedProblem, failed, msSince } from './failure.ts';
import { isBrokenOff } from './reply-error.ts';
import type { ProviderContext, RouteReader } from './route.ts';
import { routeReader } from './route.ts';
import { readTrajectory, withTrajectory } from './trajectory.ts';
import { contextOf, disclosedText, jsonText, readToolCalls, readUsage, stopReasonOf } from './wire-words.ts';

/** Throws `LastgoodError` when the route has no command or a variable it names is missing. */
export async function commandProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const { mask } = context;
  const command = commandWords(reader.route['command']);
  if (command[0] === undefined || command[0] === '') {
    reader.problem(
      new LastgoodError({
        code: 'ROUTE_INCOMPLETE',
        message: `release "${release.name}" has a command route without a command`,
        where: reader.where('command'),
      }),
    );
  }
  const names = (Array.isArray(reader.route['env']) ? reader.route['env'] : []) as readonly JsonValue[];
  const env = { ...childEnvironment(context.env), ...ownVariables(context.env) };
  for (const name of names.map(String)) {
    const value = reader.envText({ env: name }, 'env');
    if (value !== undefined) env[name] = value;
  }
  const cwd = release.paths['cwd'];
  if (cwd !== undefined && !existsSync(cwd)) {
    reader.problem(
      new LastgoodError({
        code: 'COMMAND_FOLDER_MISSING',
        message: `the folder in which release "${release.name}" starts its command does not exist: ${cwd}`,
        where: reader.where('cwd'),
        hint: 'run it from the project it was recorded in, or load the release from its own file',
      }),
    );
  } else await checkScripts(release, cwd, reader);
  const limitMs = reader.number('timeout-ms');
  reader.done();

  const running = new Set<Child>();
  return {
    name: 'command',
    async call(request, signal): Promise<ProviderReply> {
      const asked: JsonObject = {
        case_id: request.caseId,
        trial: request.trial,
        vars: request.vars,
        messages: request.messages as unknown as JsonValue,
        params: request.params,
      };
      const sent = withoutMediaBytes(asked, request.messages);
      const started = performance.now();
      if (signal.aborted) return failed(abortedProblem(signal), mask, 0, sent);
      const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
      const either = limit === undefined ? signal : AbortSignal.any([signal, limit]);
      const child = startChild({ command, cwd, env, stdin: `${JSON.stringify(asked)}\n` }, either);
      running.add(child);
      void child.gone.then(() => running.delete(child));
      const end = await child.end;
      const latencyMs = msSince(started);
      switch (end.kind) {
        case 'aborted':
          return failed(
            limit?.aborted && !signal.aborted
              ? {
                  ...abortedProblem(signal),
                  code: 'timeout',
                  message: `the command ran longer than ${limitMs} ms`,
                }
              : abortedProblem(signal),
            mask,
            latencyMs,
            sent,
          );
        case 'not-started':
          return failed(
            { ...appProblem('not_started', `the command could not be started: ${end.message}`), fatal: true },
            mask,
            latencyMs,
            sent,
          );
        case 'too-large':
          return failed(
            appProblem('output_too_large', `the command wrote more than ${LARGEST_OUTPUT / 1024 / 1024} MB`),
            mask,
            latencyMs,
            sent,
          );
        case 'killed':
          return failed(
            appProblem('signal', withReason(`the command was ended by ${end.by}`, end.stderr)),
            mask,
            latencyMs,
            sent,
          );
        case 'exited': {
          if (end.code !== 0) {
            const said = withReason(`the command ended with exit code ${end.code}`, end.stderr);
            return failed(appProblem('exit_code', said), mask, latencyMs, sent);
          }
          const answer = readAnswer(end.stdout);
          if ('code' in answer) return failed(answer, mask, latencyMs, sent);
          return {
            kind: 'answered',
            ...answer,
            output: mask.json(answer.output as unknown as JsonValue) as unknown as Answer['output'],
            latencyMs,
            sent: mask.json(sent),
          };
        }
      }
    },
    async close() {
      for (const child of running) child.stop();
      await Promise.all([...running].map((child) => child.gone));
    },
  };
}

/** The release names its script by content: another content under its fingerprint would be measured as something it is not. */
async function checkScripts(release: Release, cwd: string | undefined, reader: RouteReader): Promise<void> {
  const scripts = reader.route['scripts'];
  for (const [name, wanted] of Object.entries(isJsonObject(scripts) ? scripts : {})) {
    const path = resolve(cwd ?? '.', name);
    const found = await readFile(path, 'utf8').then(programHash, () => null);
    if (found === wanted) continue;
    const what =
      found === null
        ? 'is not there'
        : `has changed: expected content ${shortHash(String(wanted))}, found ${shortHash(found)}`;
    reader.problem(
      new LastgoodError({
        code: 'SCRIPT_CHANGED',
        message: `the script "${name}" that release "${release.name}" runs ${what}`,
        where: reader.where('command'),
        hint: 'put the script back as it was, or load the release from its file again to get a new fingerprint',
      }),
    );
  }
}

type Answer = Pick<
  Extract<ProviderReply, { kind: 'answered' }>,
  'output' | 'stopReason' | 'served' | 'usage' | 'costUsd'
>;

/**
 * Standard output as an answer: a JSON object with `output` (or `tool_calls`, or `error`) is read by its fields,
 * anything else, other JSON included, is the answer's text without the line ends at its end.
 */
function readAnswer(stdout: string): Answer | Problem {
  const data = answerObject(stdout);
  const served = { model: null, systemFingerprint: null, serviceTier: null, region: null, requestId: null };
  if (data === undefined) {
    const text = stdout.replace(/[\r\n]+$/, '');
    if (text === '') return appProblem('bad_reply', 'the command wrote no answer');
    return { output: { text, toolCalls: [] }, stopReason: 'unknown', served, usage: null };
  }
  if (isDeeperThan(data, DEEPEST_VALUE))
    return appProblem('bad_reply', "the command's answer is nested too deeply");
  const error = data['error'];
  if (error !== undefined && error !== null) {
    const message =
      isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : jsonText(error);
    return appProblem('app_error', `the command reports: ${message}`);
  }
  const reason = data['stop_reason'];
  if (isBrokenOff(reason))
    return appProblem('app_error', `the command reports an answer that was broken off: "${reason}"`);
  const toolCalls = readToolCalls(data['tool_calls']);
  if (toolCalls === undefined) return appProblem('bad_reply', 'the command\'s "tool_calls" cannot be read');
  const output = data['output'];
  const given = data['trajectory'];
  const trajectory = readTrajectory(given, 'reply');
  if (given !== undefined && given !== null && trajectory === undefined)
    return appProblem('bad_reply', 'the command\'s "trajectory" is not a list of messages');
  if ((output === undefined || output === null) && toolCalls.length === 0 && !trajectory?.length)
    return appProblem('bad_reply', "the command's answer has no output");
  const cost = data['cost_usd'];
  return {
    output: withTrajectory(
      {
        text: output === undefined || output === null ? '' : jsonText(output),
        toolCalls,
        ...contextOf(data['context']),
      },
      trajectory,
    ),
    stopReason: stopReasonOf(reason),
    served: { ...served, model: disclosedText(data['model']) },
    usage: readUsage(data['usage']),
    ...(typeof cost === 'number' && cost >= 0 ? { costUsd: cost } : {}),
  };
}

function answerObject(stdout: string): JsonObject | undefined {
  const text = stdout.trim();
  if (!text.startsWith('{')) return undefined;
  try {
    const data = JSON.parse(text) as JsonValue;
    return isJsonObject(data) &&
      ['output', 'tool_calls', 'trajectory', 'error'].some((key) => Object.hasOwn(data, key))
      ? data
      : undefined;
  } catch {
    return undefined;
  }
}

function withReason(what: string, stderr: string): string {
  const last = stderr.trimEnd().split(/\r?\n/).at(-1)?.trim();
  return last ? `${what}: ${last}` : what;
}

function appProblem(code: string, message: string): Problem {
  return { cause: 'app_error', code, message, retryable: false, fatal: false };
}

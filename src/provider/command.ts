// The command provider: a child process per call, JSON on its standard input, JSON or plain text on its standard output.

import { existsSync } from 'node:fs';
import { LastgoodError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { Provider, ProviderReply } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { Child } from './child.ts';
import { LARGEST_OUTPUT, startChild } from './child.ts';
import { splitCommand } from './command-line.ts';
import type { Problem } from './failure.ts';
import { abortedProblem, failed, msSince } from './failure.ts';
import type { ProviderContext } from './route.ts';
import { routeReader } from './route.ts';
import { disclosedText, jsonText, readToolCalls, readUsage, stopReasonOf } from './wire-words.ts';

/** What any program needs to run at all; everything else must be named in the route's `env`. */
const BASIC_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'ComSpec',
  'PATHEXT',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
];

/** Throws `LastgoodError` when the route has no command or a variable it names is missing. */
export async function commandProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const { mask } = context;
  const given = reader.route['command'];
  const command =
    typeof given === 'string'
      ? splitCommand(given)
      : ((Array.isArray(given) ? given : []) as readonly JsonValue[]).map(String);
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
  const env: Record<string, string> = {};
  for (const name of BASIC_VARIABLES) {
    const value = context.env(name);
    if (value !== undefined) env[name] = value;
  }
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
  }
  const limitMs = reader.number('timeout-ms');
  reader.done();

  const running = new Set<Child>();
  return {
    name: 'command',
    async call(request, signal): Promise<ProviderReply> {
      const sent: JsonObject = {
        case_id: request.caseId,
        trial: request.trial,
        vars: request.vars,
        messages: request.messages as unknown as JsonValue,
        params: request.params,
      };
      const started = performance.now();
      if (signal.aborted) return failed(abortedProblem(signal), mask, 0, sent);
      const limit = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs);
      const either = limit === undefined ? signal : AbortSignal.any([signal, limit]);
      const child = startChild({ command, cwd, env, stdin: `${JSON.stringify(sent)}\n` }, either);
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
  const error = data['error'];
  if (error !== undefined && error !== null) {
    const message =
      isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : jsonText(error);
    return appProblem('app_error', `the command reports: ${message}`);
  }
  const toolCalls = readToolCalls(data['tool_calls']);
  if (toolCalls === undefined) return appProblem('bad_reply', 'the command\'s "tool_calls" cannot be read');
  const output = data['output'];
  if ((output === undefined || output === null) && toolCalls.length === 0)
    return appProblem('bad_reply', "the command's answer has no output");
  const cost = data['cost_usd'];
  return {
    output: { text: output === undefined || output === null ? '' : jsonText(output), toolCalls },
    stopReason: stopReasonOf(data['stop_reason']),
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
    return isJsonObject(data) && ['output', 'tool_calls', 'error'].some((key) => Object.hasOwn(data, key))
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

// The normal form of graders outside this process: a command split and its scripts hashed, an address checked.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { commandFiles, fileNamed, pathsOf } from '../base/command-files.ts';
import { splitCommand } from '../base/command-line.ts';
import { LOOKS_SECRET, quote } from '../base/document.ts';
import { type ErrorWhere, LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { mustBeInside, mustRunCode } from '../base/trust.ts';

/** Longest that one program or one attempt at a service may take, unless the suite says otherwise. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** A word that can only be the script an interpreter is to run. */
const SCRIPT = /^[^-].*\.(py|[cm]?[jt]s|sh|rb|pl|php|lua|r|jl)$/i;

type Where = () => ErrorWhere;

/** A `command` grader's options. `dir` is the folder of the file they stand in. Throws LastgoodError. */
export function commandOptions(options: JsonObject, dir: string, where: Where): JsonObject {
  const given = options['run'] as string | readonly string[];
  const run = typeof given === 'string' ? splitCommand(given) : given;
  if ((run[0] ?? '') === '')
    throw new LastgoodError({
      code: 'SUITE_BAD_VALUE',
      message: 'the grader names no program to run',
      where: where(),
      hint: 'write command: "python3 graders/check.py"',
    });
  const cwd = resolve(dir, (options['cwd'] as string | undefined) ?? '.');
  for (const path of [cwd, ...pathsOf(run, cwd).map(([, file]) => file)])
    mustBeInside(path, where().file, where());
  mustRunCode('command grader', run.join(' '), where());
  if (!existsSync(cwd))
    throw new LastgoodError({
      code: 'SUITE_UNREADABLE',
      message: `the folder in which the grader starts its program does not exist: ${quote(cwd)}`,
      where: where(),
      hint: 'paths are relative to the file they stand in',
    });
  const files = commandFiles(run, cwd);
  const [, script = ''] = run;
  if (SCRIPT.test(script) && fileNamed(script, cwd) === null)
    throw new LastgoodError({
      code: 'SUITE_UNREADABLE',
      message: `the script ${quote(script)} does not exist in ${quote(cwd)}`,
      where: where(),
      hint: 'paths are relative to the file they stand in, or to `cwd`',
    });
  const words = run.filter((word) => !Object.hasOwn(files, word));
  refuseSecrets(options, words, where);
  return {
    run,
    cwd,
    files,
    env: options['env'] ?? [],
    ...shared(options),
  };
}

/** An `http` grader's options. Throws LastgoodError. */
export function httpOptions(options: JsonObject, where: Where): JsonObject {
  const url = options['url'] as JsonValue;
  if (typeof url === 'string' && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new LastgoodError({
      code: 'SUITE_BAD_VALUE',
      message: `${quote(url)} is not the address of a service, expected http://… or https://…`,
      where: where(),
      hint: 'an address that is not in the file is written { env: NAME }',
    });
  const headers = (options['headers'] ?? {}) as JsonObject;
  const texts = [url, ...Object.values(headers)].filter((v) => typeof v === 'string');
  refuseSecrets(options, texts as string[], where);
  return { url, headers, ...shared(options) };
}

function shared(options: JsonObject): JsonObject {
  const { config, version } = options;
  return {
    ...(config === undefined ? {} : { config }),
    ...(version === undefined ? {} : { version }),
    timeoutMs: options['timeout-ms'] ?? DEFAULT_TIMEOUT_MS,
  };
}

/** A key in a suite file would end up in every snapshot. */
function refuseSecrets(options: JsonObject, texts: readonly string[], where: Where): void {
  const config = isJsonObject(options['config']) ? Object.values(options['config']) : [];
  const found = [...texts, ...config].find((text) => typeof text === 'string' && LOOKS_SECRET.test(text));
  if (found === undefined) return;
  throw new LastgoodError({
    code: 'SUITE_SECRET',
    message: 'the options of the grader hold something that looks like a key or a token',
    where: where(),
    hint: 'keys stay in the environment: `env: [NAME]` of a command, `{ env: NAME }` in an address or a header',
  });
}

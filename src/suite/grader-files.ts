// Files that graders name: JSON Schemas, read in and compiled once, modules and scripts, hashed, and questions to a judge.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeValue, quote, readDocument } from '../base/document.ts';
import { type ErrorWhere, LastgoodError } from '../base/errors.ts';
import { canonicalJson, contentHash, isJsonObject, type JsonObject, sha256 } from '../base/json.ts';
import { timeBound } from '../base/time-bound.ts';
import { codeStands, mustBeInside, mustRunCode } from '../base/trust.ts';
import type { JudgeQuestionnaire } from '../core/ready-judges.ts';
import { readText } from './case-rows.ts';
import { readJudgeFile } from './judge-question.ts';
import { commandOptions } from './program-options.ts';

/** A schema compiles in milliseconds; one that was made to take long holds the whole process. */
const LONGEST_COMPILE_MS = 20_000;

type Where = () => ErrorWhere;

export interface GraderFiles {
  /** The schema in a JSON or YAML file. Throws LastgoodError(s). */
  schema(path: string, where: Where): JsonObject;
  /** Remembers a schema for `compileErrors`. */
  expectSchema(schema: JsonObject, where: Where): void;
  /** Absolute path of a module and the hash of its text. Throws LastgoodError. */
  module(path: string, where: Where): { path: string; sourceHash: string };
  /** The normal form of a `command` grader's options, the scripts it names hashed. Throws LastgoodError. */
  command(options: JsonObject, dir: string, where: Where): JsonObject;
  /** The judge's question in a YAML or JSON file. Throws LastgoodError(s). */
  question(path: string, where: Where): JudgeQuestionnaire;
  /** One error per schema that does not compile. */
  compileErrors(): Promise<LastgoodError[]>;
}

export function graderFiles(): GraderFiles {
  const schemas = new Map<string, JsonObject>();
  const modules = new Map<string, { path: string; sourceHash: string }>();
  const commands = new Map<string, JsonObject>();
  const questions = new Map<string, JudgeQuestionnaire>();
  const expected = new Map<string, { schema: JsonObject; where: Where }>();
  const remembered = new Set<JsonObject>();
  return {
    schema(path, where) {
      const known = schemas.get(path);
      if (known) return known;
      mustBeInside(path, where().file, where());
      const { value } = readDocument(readText(path, where), path, 'SUITE');
      if (!isJsonObject(value)) {
        throw new LastgoodError({
          code: 'SUITE_BAD_SCHEMA',
          message: `${quote(path)} holds ${describeValue(value)}, expected a JSON Schema (a map)`,
          where: where(),
        });
      }
      schemas.set(path, value);
      return value;
    },
    expectSchema(schema, where) {
      if (remembered.has(schema)) return;
      remembered.add(schema);
      const hash = contentHash(schema);
      if (!expected.has(hash)) expected.set(hash, { schema, where });
    },
    module(path, where) {
      const known = modules.get(path);
      if (known) return known;
      mustBeInside(path, where().file, where());
      mustRunCode('javascript grader', path, where());
      if (!existsSync(path)) {
        throw new LastgoodError({
          code: 'SUITE_UNREADABLE',
          message: `the module ${quote(path)} does not exist`,
          where: where(),
          hint: 'paths are relative to the file they stand in',
        });
      }
      const found = { path: resolve(path), sourceHash: sha256(readText(path, where)) };
      codeStands('javascript grader', found.path);
      modules.set(path, found);
      return found;
    },
    command(options, dir, where) {
      const key = `${dir}\n${canonicalJson(options)}`;
      const found = commands.get(key) ?? commandOptions(options, dir, where);
      commands.set(key, found);
      return found;
    },
    question(path, where) {
      const known = questions.get(path);
      if (known) return known;
      mustBeInside(path, where().file, where());
      const found = readJudgeFile(path, where);
      questions.set(path, found);
      return found;
    },
    async compileErrors() {
      if (expected.size === 0) return [];
      const compile = await schemaCompiler();
      return [...expected.values()].flatMap(({ schema, where }) => {
        const problem = compile(schema);
        return problem === null
          ? []
          : [
              new LastgoodError({
                code: 'SUITE_BAD_SCHEMA',
                message: `the JSON Schema does not compile: ${problem}`,
                where: where(),
                hint: 'draft-07 is the default; name 2020-12 or 2019-09 in `$schema`',
              }),
            ];
      });
    },
  };
}

/** Says why a schema does not compile, or null. Its dialect is the one `$schema` names, draft-07 without one. */
async function schemaCompiler(): Promise<(schema: JsonObject) => string | null> {
  const [{ Ajv }, { Ajv2019 }, { Ajv2020 }, formats] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2019.js'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ]);
  const options = { strict: false, logger: false } as const;
  const addFormats = formats.default.default;
  const compilers = new Map<string, InstanceType<typeof Ajv>>();
  /** `named`: the schema has names of its own (`$id`), which another schema may have as well. */
  const compilerFor = (dialect: string, named: boolean): InstanceType<typeof Ajv> => {
    const known = named ? undefined : compilers.get(dialect);
    if (known) return known;
    const fresh =
      dialect === '2020'
        ? new Ajv2020(options)
        : dialect === '2019'
          ? new Ajv2019(options)
          : new Ajv(options);
    addFormats(fresh);
    if (!named) compilers.set(dialect, fresh);
    return fresh;
  };
  return (schema) => {
    const said = typeof schema['$schema'] === 'string' ? schema['$schema'] : '';
    const dialect = /2020-12/.test(said) ? '2020' : /2019-09/.test(said) ? '2019' : '7';
    const compiler = compilerFor(dialect, JSON.stringify(schema).includes('"$id"'));
    try {
      return timeBound(
        () => {
          compiler.compile(schema);
          return null;
        },
        LONGEST_COMPILE_MS,
        () => `it took longer than ${LONGEST_COMPILE_MS / 1000} s`,
      );
    } catch (error) {
      return (error as Error).message;
    } finally {
      // Kept while it compiles, so that `$ref: "#"` finds it; no longer, because another schema may have the same `$id`.
      compiler.removeSchema(schema);
    }
  };
}

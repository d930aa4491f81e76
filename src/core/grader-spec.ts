// A grader in its normal form: what the suite room makes of a suite file's graders and the grade room runs. What a file may say is in
// `grader-catalogue.ts`.

import type { z } from 'zod';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { GRADERS } from './grader-catalogue.ts';
import type { JudgeQuestionnaire } from './ready-judges.ts';
import type { EnvText } from './release.ts';

/** The graders a suite can name. */
export type GraderType = keyof typeof GRADERS;

export type Criterion =
  | {
      readonly kind: 'ask';
      readonly id: string;
      readonly ask: string;
      readonly weight: number;
      readonly must: boolean;
    }
  | {
      readonly kind: 'check';
      readonly id: string;
      readonly check: GraderSpec;
      readonly weight: number;
      readonly must: boolean;
    };

interface GraderCommon {
  /** Unique within its case. */
  readonly id: string;
  /** True for the `not-` form. */
  readonly negate: boolean;
  readonly weight: number;
  readonly required: boolean;
  /** Looks at one turn of the conversation alone, from 1. Absent: at the whole of it. */
  readonly turn?: number | undefined;
}

type PlainType = Exclude<GraderType, 'rubric' | 'judge' | 'json-schema' | 'javascript' | 'command' | 'http'>;

/** Where a judge finds the sources: the name of a variable of the case, or what the application answered with. */
export type JudgeContext = string | { readonly from: 'answer' };

/** A grader in normal form: shorthand expanded, files read. Hashed into the exam. */
export type GraderSpec =
  | {
      [T in PlainType]: GraderCommon & {
        readonly type: T;
        readonly options: z.output<(typeof GRADERS)[T]['options']>;
      };
    }[PlainType]
  | (GraderCommon & {
      readonly type: 'json-schema';
      readonly options: { readonly schema: JsonObject; readonly 'allow-fence'?: boolean | undefined };
    })
  | (GraderCommon & {
      readonly type: 'javascript';
      readonly options: {
        /** Absolute path of the module; not part of the exam hash (its content is). */
        readonly path: string;
        /** SHA-256 of the module's normalised text. */
        readonly sourceHash: string;
        readonly export: string;
        readonly config?: JsonValue | undefined;
        readonly timeoutMs: number;
      };
    })
  | (GraderCommon & {
      readonly type: 'command';
      readonly options: {
        readonly run: readonly string[];
        /** Absolute path of the folder it starts in; not part of the exam hash. */
        readonly cwd: string;
        /** SHA-256 of each file of the repository that `run` names, by the word that names it. */
        readonly files: Readonly<Record<string, string>>;
        /** Environment variables handed to it. */
        readonly env: readonly string[];
        readonly config?: JsonValue | undefined;
        readonly version?: string | number | undefined;
        readonly timeoutMs: number;
      };
    })
  | (GraderCommon & {
      readonly type: 'http';
      readonly options: {
        readonly url: EnvText;
        readonly headers: Readonly<Record<string, EnvText>>;
        readonly config?: JsonValue | undefined;
        readonly version?: string | number | undefined;
        readonly timeoutMs: number;
      };
    })
  | (GraderCommon & {
      readonly type: 'rubric';
      readonly options: { readonly criteria: readonly Criterion[]; readonly threshold: number };
    })
  | (GraderCommon & {
      readonly type: 'judge';
      /** The whole question, so that its wording is part of the exam. */
      readonly options: Omit<JudgeQuestionnaire, 'about'> & { readonly context: JudgeContext | null };
    });

/** The grader's content for the exam hash: everything that can change a grade, nothing that cannot (paths). */
export function graderContent(spec: GraderSpec): JsonObject {
  const { id, type, negate, weight, required, turn } = spec;
  let options: JsonValue;
  if (spec.type === 'javascript') {
    const { path: _path, ...rest } = spec.options;
    options = rest as unknown as JsonObject;
  } else if (spec.type === 'command') {
    const { cwd: _cwd, ...rest } = spec.options;
    options = rest as unknown as JsonObject;
  } else if (spec.type === 'rubric') {
    options = {
      threshold: spec.options.threshold,
      criteria: spec.options.criteria.map((c) =>
        c.kind === 'ask'
          ? { ...c }
          : { id: c.id, kind: c.kind, weight: c.weight, must: c.must, check: graderContent(c.check) },
      ),
    };
  } else options = spec.options as unknown as JsonObject;
  // In the order of the canonical form, which then need not sort them.
  return { id, negate, options, required, ...(turn === undefined ? {} : { turn }), type, weight };
}

/** True when grading needs a judge call. */
export function needsJudge(spec: GraderSpec): boolean {
  return (
    spec.type === 'judge' || (spec.type === 'rubric' && spec.options.criteria.some((c) => c.kind === 'ask'))
  );
}

/** True when grading needs embeddings. */
export function needsEmbedder(spec: GraderSpec): boolean {
  if (spec.type === 'similar') return true;
  return (
    spec.type === 'rubric' && spec.options.criteria.some((c) => c.kind === 'check' && needsEmbedder(c.check))
  );
}

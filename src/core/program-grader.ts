// Graders outside this process, a command or a web service: what they are asked, what they may answer, and by which key one is allowed to run.

import { contentHash, type JsonValue } from '../base/json.ts';
import type { GraderSpec } from './grader-spec.ts';
import { graderContent } from './grader-spec.ts';

/** A `command` or `http` grader. */
export type ProgramGrader = Extract<GraderSpec, { readonly type: 'command' | 'http' }>;

/** What came back: the JSON value that was answered, or why there is none. */
export type ProgramAnswer =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'failed'; readonly message: string };

/** Runs graders outside this process. A failure is an answer, not an exception. */
export interface ProgramGraders {
  ask(spec: ProgramGrader, input: JsonValue, signal: AbortSignal): Promise<ProgramAnswer>;
  close(): Promise<void>;
}

/** The `command` and `http` graders among these, those inside rubrics included. */
function programGraders(graders: readonly GraderSpec[]): ProgramGrader[] {
  return graders.flatMap((spec): ProgramGrader[] => {
    if (spec.type === 'command' || spec.type === 'http') return [spec];
    if (spec.type !== 'rubric') return [];
    return programGraders(spec.options.criteria.flatMap((c) => (c.kind === 'check' ? [c.check] : [])));
  });
}

/** True when grading starts a command or calls a service. */
export function needsProgram(spec: GraderSpec): boolean {
  return programGraders([spec]).length > 0;
}

/** What is run, and where: two graders with one key run the same thing. */
export function programKey(spec: ProgramGrader): string {
  const { type, options } = graderContent({ ...spec, id: '', weight: 1, required: true });
  return contentHash({
    type: type as string,
    options: options as JsonValue,
    cwd: spec.type === 'command' ? spec.options.cwd : null,
  });
}

/** Each distinct grader outside this process that the cases use, by its key. */
export function programsOf(
  cases: Iterable<{ readonly graders: readonly GraderSpec[] }>,
): ReadonlyMap<string, ProgramGrader> {
  const found = new Map<string, ProgramGrader>();
  /** Cases share the default graders, most often as one object. */
  const seen = new Set<GraderSpec>();
  for (const { graders } of cases) {
    for (const spec of programGraders(graders)) {
      if (seen.has(spec)) continue;
      if (seen.size < 1000) seen.add(spec);
      found.set(programKey(spec), spec);
    }
  }
  return found;
}

// The options of each grader as a suite may write them: its own, plus those every grader takes.

import { z } from 'zod';
import { COMMON_GRADER_OPTIONS, criterionShape, GRADER_TYPES, GRADERS } from '../core/grader-catalogue.ts';
import type { GraderType } from '../core/grader-spec.ts';

/** A criterion of a rubric. `check` is a grader, also by its bare name. */
export const criterionSchema = z.strictObject({
  ...criterionShape,
  check: z
    .union([z.string().min(1), z.record(z.string(), z.unknown())])
    .optional()
    .describe('a deterministic grader, e.g. { max-length: 900 }'),
});

/** Own options and common options, strict. */
export const GRADER_OPTIONS = Object.fromEntries(
  GRADER_TYPES.map((type) => [type, GRADERS[type].options.extend(COMMON_GRADER_OPTIONS)]),
) as unknown as Readonly<Record<GraderType, z.ZodObject>>;

/** Every name a suite can write, `not-` forms included. */
export const GRADER_NAMES: readonly string[] = GRADER_TYPES.flatMap((type) =>
  GRADERS[type].negatable ? [type, `not-${type}`] : [type],
);

export type GraderName =
  | { readonly kind: 'known'; readonly type: GraderType; readonly negate: boolean }
  | { readonly kind: 'not-negatable'; readonly type: GraderType }
  | { readonly kind: 'unknown' };

/** Takes `not-contains` apart. */
export function readGraderName(name: string): GraderName {
  if (Object.hasOwn(GRADERS, name)) return { kind: 'known', type: name as GraderType, negate: false };
  const base = name.startsWith('not-') ? name.slice(4) : '';
  if (!Object.hasOwn(GRADERS, base)) return { kind: 'unknown' };
  const type = base as GraderType;
  return GRADERS[type].negatable ? { kind: 'known', type, negate: true } : { kind: 'not-negatable', type };
}

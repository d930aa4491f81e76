// Assertions of one test put together: promptfoo's weights and thresholds as graders and rubrics.

import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Site } from './site.ts';

/** An assertion as a grader here. */
export interface MappedAssertion {
  /** The grader's name, e.g. `not-contains`; null for a question to the judge. */
  readonly grader: string | null;
  readonly options: JsonObject;
  /** A yes/no question; only without a grader. */
  readonly ask?: string | undefined;
  /** promptfoo's weight; 0 = it never fails a test. */
  readonly weight: number;
  readonly metric: string | undefined;
  readonly site: Site;
}

export interface MappedSet {
  readonly set: readonly (MappedAssertion | null)[];
  readonly threshold: number | undefined;
  readonly weight: number;
  readonly metric: string | undefined;
  readonly site: Site;
}

export type Mapped = MappedAssertion | MappedSet;

/** `null` = an assertion that was dropped; it lets a threshold be only approximated. */
export function combine(
  parts: readonly (Mapped | null)[],
  threshold: number | undefined,
  site: Site,
): JsonValue[] {
  const ids = new Names();
  if (threshold === undefined)
    return parts.flatMap((part) => {
      if (part === null) return [];
      if (!('set' in part)) return [graderOf(part, ids)];
      if (part.threshold === undefined)
        return part.set.flatMap((child) => (child === null ? [] : [graderOf(child, ids)]));
      return rubricOf(part.set.map(weighted), part.threshold, part.metric ?? 'assert-set', part.site, ids);
    });
  const flat = parts.flatMap((part): (Weighted | null)[] => {
    if (part === null) return [null];
    if (!('set' in part)) return [{ part, weight: part.weight }];
    // A set counts with its own score, the weighted mean of its parts: the same sum with the weights spread.
    const whole = part.set.reduce((sum, child) => sum + (child?.weight ?? 0), 0);
    return part.set.map((child) =>
      child === null ? null : { part: child, weight: whole === 0 ? 0 : (part.weight * child.weight) / whole },
    );
  });
  return rubricOf(flat, threshold, 'threshold', site, ids);
}

interface Weighted {
  readonly part: MappedAssertion;
  readonly weight: number;
}

function weighted(part: MappedAssertion | null): Weighted | null {
  return part === null ? null : { part, weight: part.weight };
}

/** A weighted mean against a threshold: what a rubric is. */
function rubricOf(
  parts: readonly (Weighted | null)[],
  threshold: number,
  name: string,
  site: Site,
  ids: Names,
): JsonValue[] {
  const outside: JsonValue[] = [];
  const criteria: JsonValue[] = [];
  const names = new Names();
  if (parts.some((p) => p === null))
    site.approximated(`threshold ${threshold}`, 'taken over the assertions that were not dropped');
  for (const entry of parts) {
    if (entry === null) continue;
    const { part, weight } = entry;
    if (part.grader === 'judge') {
      part.site.approximated(
        'weight of a judge in a threshold',
        'a rubric holds no judge: it is a grader of its own that cannot fail the test',
      );
      outside.push(bodyOf(part, ids, { required: false }));
    } else if (!(weight > 0)) outside.push(graderOf({ ...part, weight: 0 }, ids));
    else {
      const share = Math.abs(weight - 1) < 1e-12 ? {} : { weight };
      const id = names.next(part.metric ?? part.grader ?? 'rubric');
      criteria.push(
        part.grader === null
          ? { id, ask: part.ask ?? '', ...share }
          : { id, check: { [part.grader]: part.options }, ...share },
      );
    }
  }
  if (threshold > 1) {
    site.dropped(`threshold ${threshold}`, 'no score reaches it; thresholds go from 0 to 1');
    return outside;
  }
  if (criteria.length === 0) return outside;
  const id = name === 'threshold' && ids.isFree('threshold') ? ids.next('threshold') : ids.next(name);
  return [{ rubric: { id, threshold: Math.max(0, threshold), criteria } }, ...outside];
}

/** One assertion as one grader. */
function graderOf(part: MappedAssertion, ids: Names): JsonValue {
  const { weight } = part;
  if (weight === 1) return bodyOf(part, ids, {});
  if (weight > 0) return bodyOf(part, ids, { weight });
  part.site.approximated('weight 0', 'the grader is not required; its weight is as good as none');
  return bodyOf(part, ids, { weight: 1e-9, required: false });
}

function bodyOf(part: MappedAssertion, ids: Names, more: JsonObject): JsonValue {
  const name = part.grader ?? 'rubric';
  // A grader's own name is its default id.
  const id = ids.next(part.metric ?? name);
  const named = id === name ? {} : { id };
  if (part.grader === null)
    return { rubric: { ...named, ...more, criteria: [{ id: 'rubric', ask: part.ask ?? '' }] } };
  return { [name]: { ...part.options, ...named, ...more } };
}

/** Ids that do not repeat within a case. */
class Names {
  readonly #used = new Set<string>();

  isFree(name: string): boolean {
    return !this.#used.has(name);
  }

  next(wanted: string): string {
    const name = wanted.trim() === '' ? 'assertion' : wanted.trim();
    let id = name;
    for (let n = 2; this.#used.has(id); n++) id = `${name}-${n}`;
    this.#used.add(id);
    return id;
  }
}

// The hashes that identify cases and suites.

import { canonicalJson, contentHash, type JsonObject, type JsonValue, SortedHash } from '../base/json.ts';
import type { Turn } from './case-conversation.ts';
import type { Message } from './conversation.ts';
import { type GraderSpec, graderContent } from './grader-spec.ts';
import { hashedParts } from './media.ts';
import type { Case, CaseContent, Suite } from './suite.ts';

/** What the model is shown and what is expected. Parts that a case does not have leave no trace, so that older cases keep their hash. */
export function caseContentHash(c: CaseContent): string {
  const { expected, maxSteps, messages, params, tools, turns, vars } = c;
  // In the order of the canonical form.
  return contentHash({
    ...(expected === undefined ? {} : { expected }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    messages: (messages?.map(withHashedParts) ?? null) as unknown as JsonValue,
    ...(params === undefined ? {} : { params }),
    ...(tools === undefined ? {} : { tools: tools as unknown as JsonValue }),
    ...(turns === undefined ? {} : { turns: turns.map(withHashedParts) as unknown as JsonValue }),
    vars,
  });
}

/** A message or turn by its parts; of one without parts, nothing changes. */
function withHashedParts(said: Message | Turn): object {
  if (!('parts' in said) || said.parts === undefined) return said;
  const parts = hashedParts(said.parts);
  return 'user' in said ? { user: parts } : { ...said, content: null, parts };
}

/** What a list of graders grades by. */
export function gradersHash(graders: readonly GraderSpec[]): string {
  return contentHash(graders.map(graderContent));
}

/** Of a draft: a case that nothing grades yet. */
export const NO_GRADERS = gradersHash([]);

type HashedCase = Pick<
  Case,
  'id' | 'contentHash' | 'gradersHash' | 'trials' | 'critical' | 'minPassRate' | 'group' | 'tags'
>;

/** The hash of a suite whose cases come one at a time. */
export class SuiteHasher {
  readonly #rows = new SortedHash();

  add(c: HashedCase): void {
    const { id, contentHash: content, gradersHash, trials, critical, minPassRate, group } = c;
    const row = [id, content, gradersHash, trials, critical, minPassRate, group, [...c.tags].sort()];
    this.#rows.add(id, canonicalJson(row));
  }

  hex(suite: Pick<Suite, 'name' | 'policy'>): string {
    // The canonical form of `{ cases, name, policy }`.
    const rest = canonicalJson({ name: suite.name, policy: suite.policy as unknown as JsonObject });
    return this.#rows.hex('{"cases":[', `],${rest.slice(1)}`);
  }
}

/** Hash over name, policy and cases; neither the order of cases and tags nor the files they stand in count. */
export function suiteHash(suite: Pick<Suite, 'name' | 'policy' | 'cases'>): string {
  const hasher = new SuiteHasher();
  for (const c of suite.cases) hasher.add(c);
  return hasher.hex(suite);
}

// The hashes by which cases and suites are told apart.

import { type GraderSpec, graderContent } from '../core/grader-spec.ts';
import { canonicalJson, contentHash, type JsonObject, type JsonValue, SortedHash } from '../core/json.ts';
import type { Case, Suite } from '../core/suite.ts';

/** What the model is shown and what is expected. */
export function caseContentHash(c: Pick<Case, 'vars' | 'messages' | 'expected'>): string {
  // In the order of the canonical form.
  const messages = c.messages as unknown as JsonValue;
  return contentHash(
    c.expected === undefined ? { messages, vars: c.vars } : { expected: c.expected, messages, vars: c.vars },
  );
}

/** What a list of graders grades by. */
export function gradersHash(graders: readonly GraderSpec[]): string {
  return contentHash(graders.map(graderContent));
}

/** Hash over name, policy and cases; neither the order of cases and tags nor the files they stand in count. */
export function suiteHash(suite: Pick<Suite, 'name' | 'policy' | 'cases'>): string {
  const rows = new SortedHash();
  for (const c of suite.cases) {
    const { id, contentHash: content, gradersHash, trials, critical, minPassRate, group } = c;
    const row = [id, content, gradersHash, trials, critical, minPassRate, group, [...c.tags].sort()];
    rows.add(id, canonicalJson(row));
  }
  // The canonical form of `{ cases, name, policy }`.
  const rest = canonicalJson({ name: suite.name, policy: suite.policy as unknown as JsonObject });
  return rows.hex('{"cases":[', `],${rest.slice(1)}`);
}

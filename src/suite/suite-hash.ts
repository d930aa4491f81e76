// The hashes by which cases and suites are told apart.

import { type GraderSpec, graderContent } from '../core/grader-spec.ts';
import { canonicalJson, contentHash, type JsonObject, type JsonValue, sha256Stream } from '../core/json.ts';
import type { Case, Suite } from '../core/suite.ts';

/** What the model is shown and what is expected. */
export function caseContentHash(c: Pick<Case, 'vars' | 'messages' | 'expected'>): string {
  return contentHash({
    vars: c.vars,
    messages: c.messages as unknown as JsonValue,
    ...(c.expected === undefined ? {} : { expected: c.expected }),
  });
}

/** Hashes lists of graders. Most cases of a suite share a few lists, and the canonical form is the slow part, so equal texts are hashed once. */
export function graderHashing(): (graders: readonly GraderSpec[]) => string {
  const known = new Map<string, string>();
  return (graders) => {
    const content = graders.map(graderContent);
    const text = JSON.stringify(content);
    let hash = known.get(text);
    if (hash === undefined) {
      hash = contentHash(content);
      known.set(text, hash);
    }
    return hash;
  };
}

/** Hash over name, policy and cases; neither the order of cases and tags nor the files they stand in count. */
export function suiteHash(suite: Pick<Suite, 'name' | 'policy' | 'cases'>): string {
  const rows: { readonly id: string; readonly row: string }[] = [];
  for (const c of suite.cases) {
    const { id, contentHash: content, gradersHash, trials, critical, minPassRate, group } = c;
    const row = [id, content, gradersHash, trials, critical, minPassRate, group, [...c.tags].sort()];
    rows.push({ id, row: canonicalJson(row) });
  }
  rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  // The canonical form of `{ cases, name, policy }`, bit by bit: as one text it would be as large as the suite.
  const hash = sha256Stream();
  rows.forEach(({ row }, n) => {
    hash.add(n === 0 ? `{"cases":[${row}` : `,${row}`);
  });
  const { name, policy } = suite;
  hash.add(rows.length === 0 ? '{"cases":[]' : ']');
  hash.add(`,${canonicalJson({ name, policy: policy as unknown as JsonObject }).slice(1)}`);
  return hash.hex();
}

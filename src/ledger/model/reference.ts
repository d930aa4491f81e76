// How people name a snapshot: the grammar of references, apart from any store.

import { LastgoodError } from '../../base/errors.ts';
import type { SnapshotSummary } from '../../core/snapshot.ts';

/** What a reference asks for. */
export type Reference =
  | { readonly kind: 'id'; readonly prefix: string }
  /** The `back`-th newest, 0 = the newest. */
  | { readonly kind: 'latest'; readonly back: number }
  | { readonly kind: 'baseline' }
  /** The newest that started at or before this moment, milliseconds since 1970. */
  | { readonly kind: 'at'; readonly ms: number }
  | { readonly kind: 'label'; readonly key: string; readonly value: string };

const DAY_MS = 86_400_000;

/** Reads a reference; days are days of UTC and count as a whole. Throws `REF_NOT_FOUND` when it is none. */
export function parseReference(ref: string, now: Date): Reference {
  if (ref === 'baseline') return { kind: 'baseline' };
  const latest = /^latest(?:~(\d{1,6}))?$/.exec(ref);
  if (latest) return { kind: 'latest', back: Number(latest[1] ?? 0) };
  if (ref.startsWith('@')) return { kind: 'at', ms: momentOf(ref, now) };
  if (ref.startsWith('label:')) {
    const [, key, value] = /^label:([^=]+)=(.*)$/s.exec(ref) ?? [];
    if (key === undefined || value === undefined)
      throw unreadable(ref, 'a label is written `label:key=value`');
    return { kind: 'label', key, value };
  }
  if (/^s[0-9a-z]{3,}$/i.test(ref)) return { kind: 'id', prefix: ref.toLowerCase() };
  throw unreadable(ref, 'an id starts with `s` and at least 4 characters of it are needed');
}

function momentOf(ref: string, now: Date): number {
  const text = ref.slice(1);
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  if (text === 'today') return today + DAY_MS - 1;
  if (text === 'yesterday') return today - 1;
  const start = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    // Date.parse takes 2026-02-31 for the 3rd of March.
    if (Number.isFinite(start) && new Date(start).toISOString().startsWith(text)) return start + DAY_MS - 1;
    throw unreadable(ref, `${text} is not a date of the calendar`);
  }
  if (
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text) &&
    Number.isFinite(start)
  )
    return start;
  throw unreadable(ref, 'a date is written `@2026-03-15`, `@2026-03-15T08:00:00Z`, `@today` or `@yesterday`');
}

const FORMS =
  'an id or its beginning, `latest`, `latest~2`, `baseline`, `@2026-03-15`, `@yesterday`, `label:key=value`';

function unreadable(ref: string, why: string): LastgoodError {
  return new LastgoodError({
    code: 'REF_NOT_FOUND',
    message: `"${ref}" names no snapshot: ${why}.`,
    hint: `use ${FORMS}; \`lastgood list\` shows what there is`,
  });
}

/** Nothing fits. `3` where the ledger has nothing yet, `2` where the reference is wrong. */
export function notFound(
  ref: string,
  why: string,
  candidates: readonly SnapshotSummary[],
  exitCode: 2 | 3,
): LastgoodError {
  return new LastgoodError({
    code: 'REF_NOT_FOUND',
    message: `"${ref}" names no snapshot: ${why}.${listed(candidates)}`,
    hint:
      candidates.length > 0
        ? '`lastgood list` shows all'
        : 'make a snapshot with `lastgood run`, or check the path given with --db',
    exitCode,
  });
}

/** Several fit. */
export function ambiguous(ref: string, what: string, candidates: readonly SnapshotSummary[]): LastgoodError {
  return new LastgoodError({
    code: 'REF_AMBIGUOUS',
    message: `"${ref}" fits ${what}.${listed(candidates)}`,
    hint: 'write more characters of the id',
  });
}

const LISTED = 5;

function listed(candidates: readonly SnapshotSummary[]): string {
  if (candidates.length === 0) return '';
  const lines = candidates
    .slice(0, LISTED)
    .map((s) => `  ${s.id}  ${s.startedAt}  ${s.suite}  ${s.state === 'finished' ? s.validity : s.state}`);
  return `\nThere is:\n${lines.join('\n')}${candidates.length > LISTED ? '\n  …' : ''}`;
}

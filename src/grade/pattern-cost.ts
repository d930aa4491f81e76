// How long can a regular expression run at worst? An upper bound from the pattern alone decides where it may run.

/**
 * An upper bound on the backtracking steps of `pattern` on a text of `length` characters; Infinity where none is known.
 * Every choice multiplies: a quantifier by the number of its possible counts, an alternation by its branches. Choices
 * inside a repeated group, back-references and the `v` flag's string classes have no bound here.
 */
export function patternCost(pattern: string, flags: string, length: number): number {
  if (flags.includes('v')) return Number.POSITIVE_INFINITY;
  const reader = { pattern, at: 0, length };
  const choices = readAlternatives(reader);
  return reader.at < pattern.length ? Number.POSITIVE_INFINITY : (length + 1) * choices;
}

interface Reader {
  readonly pattern: string;
  at: number;
  readonly length: number;
}

function readAlternatives(r: Reader): number {
  let total = 0;
  for (;;) {
    total += readSequence(r);
    if (r.pattern[r.at] !== '|') return total;
    r.at++;
  }
}

function readSequence(r: Reader): number {
  let product = 1;
  while (r.at < r.pattern.length && r.pattern[r.at] !== '|' && r.pattern[r.at] !== ')') {
    const inner = readAtom(r);
    product *= readQuantifier(r, inner);
  }
  return product;
}

function readAtom(r: Reader): number {
  const c = r.pattern[r.at];
  if (c === '(') {
    r.at++;
    // `(?:`, `(?=`, `(?<name>` and the like: the mark is no part of what is repeated.
    const mark = /^\?(?:<[=!]|<[^>]*>|[=!]|[a-z-]*:)/.exec(r.pattern.slice(r.at, r.at + 80));
    r.at += mark?.[0].length ?? 0;
    const inner = readAlternatives(r);
    if (r.pattern[r.at] !== ')') return Number.POSITIVE_INFINITY;
    r.at++;
    return inner;
  }
  if (c === '[') {
    for (r.at++; r.at < r.pattern.length && r.pattern[r.at] !== ']'; r.at++)
      if (r.pattern[r.at] === '\\') r.at++;
    r.at++;
    return 1;
  }
  if (c === '\\') {
    const next = r.pattern[r.at + 1] ?? '';
    if (/[1-9k]/.test(next)) return giveUp(r);
    const braced = /^\\[pPu]\{[^}]*\}/.exec(r.pattern.slice(r.at, r.at + 80));
    r.at += braced?.[0].length ?? 2;
    return 1;
  }
  r.at++;
  return 1;
}

function readQuantifier(r: Reader, inner: number): number {
  const found = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(r.pattern.slice(r.at, r.at + 40));
  if (found === null) return inner;
  r.at += found[0].length;
  if (found[0].startsWith('?') || found[0].startsWith('{0,1}')) return inner + 1;
  // A choice inside a repetition can be made anew each time round: exponential, unless proven otherwise.
  if (inner > 1) return Number.POSITIVE_INFINITY;
  const most = found[1] === undefined || found[3] === '' ? r.length : Number(found[3] ?? found[1]);
  return Math.min(most, r.length) + 1;
}

function giveUp(r: Reader): number {
  r.at = r.pattern.length;
  return Number.POSITIVE_INFINITY;
}

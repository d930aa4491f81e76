// Runs one regular expression over one text; used in-process for harmless patterns and in a worker for all others.

export interface PatternJob {
  readonly kind: 'pattern';
  readonly pattern: string;
  readonly flags: string;
  readonly text: string;
  readonly pick: 'first' | 'last';
}

/** The match, and capture group 1 where it took part (else the whole match); null where nothing matched. */
export interface PatternMatch {
  readonly index: number;
  readonly whole: string;
  readonly taken: string;
}

/** Throws SyntaxError for a pattern that is none. */
export function runPattern(job: PatternJob): PatternMatch | null {
  const flags = job.flags.replace('g', '').replace('d', '');
  if (job.pick === 'first') return found(compiled(job.pattern, flags).exec(job.text));
  let last: RegExpExecArray | null = null;
  for (const match of job.text.matchAll(new RegExp(job.pattern, `${flags}g`))) last = match;
  return found(last);
}

/** A pattern of the suite's defaults is run on every answer. */
const COMPILED = new Map<string, RegExp>();
const MOST_COMPILED = 100;

/** Without state of its own: a sticky pattern starts anew each time. */
function compiled(pattern: string, flags: string): RegExp {
  const key = `${flags}/${pattern}`;
  let expression = COMPILED.get(key);
  if (expression === undefined) {
    expression = new RegExp(pattern, flags);
    if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
    COMPILED.set(key, expression);
  }
  expression.lastIndex = 0;
  return expression;
}

function found(match: RegExpExecArray | null): PatternMatch | null {
  if (match === null) return null;
  return { index: match.index, whole: match[0], taken: match[1] ?? match[0] };
}

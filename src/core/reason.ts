// A sentence that keeps its statistics apart from its words, so that each report can choose.

/** One sentence twice: with p values, levels and names of tests, and without them. */
export interface Reason {
  readonly full: string;
  readonly words: string;
}

/** What results carry beside `reason`, `message` or `detail`. */
export interface InWords {
  /** The same without its statistics; absent when it has none, and in results kept by earlier versions. */
  readonly words?: string | undefined;
}

/** A part of a sentence that only the full text has; `words` is what the short one says in its place. */
export function statistic(full: string, words = ''): Reason {
  return { full, words };
}

/** Template tag: parts from `statistic` and other reasons keep both their forms. */
export function reason(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Reason)[]
): Reason {
  let full = strings[0] ?? '';
  let words = full;
  for (const [i, value] of values.entries()) {
    const next = strings[i + 1] ?? '';
    full += `${typeof value === 'object' ? value.full : value}${next}`;
    words += `${typeof value === 'object' ? value.words : value}${next}`;
  }
  return { full, words };
}

/** Joins clauses of one sentence. */
export function joinReasons(parts: readonly Reason[], separator = '; '): Reason {
  return {
    full: parts.map((part) => part.full).join(separator),
    words: parts.map((part) => part.words).join(separator),
  };
}

/** The reason of a result. */
export function reasonOf(result: { readonly reason: string } & InWords): Reason {
  return { full: result.reason, words: result.words ?? result.reason };
}

/** As a result carries it. */
export function asReason(text: Reason | string): { readonly reason: string } & InWords {
  return typeof text === 'string' ? { reason: text } : { reason: text.full, ...inWords(text) };
}

/** As a result carries it that calls it `detail`. */
export function asDetail(text: Reason | string): { readonly detail: string } & InWords {
  return typeof text === 'string' ? { detail: text } : { detail: text.full, ...inWords(text) };
}

/** `words` alone, for results that call the full text otherwise. */
export function inWords({ full, words }: Reason): InWords {
  return full === words ? {} : { words };
}

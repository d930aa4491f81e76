// Which parts of a change matter? Delta debugging over a small set, with an oracle that may also say "could not tell".

/** What one subset showed. `partly`: some of the effect, not all of it. */
export type OracleOutcome = 'good' | 'bad' | 'partly' | 'inconclusive';

/** Asks the oracle about a subset of the elements; called at most once per subset. */
export type Oracle<T> = (subset: readonly T[]) => Promise<OracleOutcome>;

export interface MinimalSet<T> {
  /** No element can be left out without losing the outcome, as far as the oracle could tell. */
  readonly elements: readonly T[];
  /** Subsets whose answer was `inconclusive` while looking: the set may be larger than it needs to be. */
  readonly doubtful: readonly (readonly T[])[];
}

/** An oracle that remembers: the searches for cause and cure share what was asked. */
export function rememberingOracle<T>(elements: readonly T[], ask: Oracle<T>): Oracle<T> {
  const known = new Map<string, Promise<OracleOutcome>>();
  return (subset) => {
    const key = elements.map((e) => (subset.includes(e) ? '1' : '0')).join('');
    const before = known.get(key);
    if (before !== undefined) return before;
    const outcome = ask(elements.filter((e) => subset.includes(e)));
    known.set(key, outcome);
    return outcome;
  };
}

/**
 * A 1-minimal subset of `elements` for which the oracle says `wanted`, given that it does so for all of them (ddmin: Zeller &
 * Hildebrandt 2002). Single elements are asked before larger parts where the set is small, as they settle most changes.
 */
export async function minimalSubset<T>(
  elements: readonly T[],
  wanted: OracleOutcome,
  ask: Oracle<T>,
): Promise<MinimalSet<T>> {
  const doubtful: (readonly T[])[] = [];
  const shows = async (subset: readonly T[]): Promise<boolean> => {
    const outcome = await ask(subset);
    if (outcome === 'inconclusive') doubtful.push(subset);
    return outcome === wanted;
  };
  let current = [...elements];
  let parts = current.length <= 4 ? current.length : 2;
  while (current.length > 1) {
    const chunks = split(current, parts);
    const chunk = await first(chunks, shows);
    if (chunk !== null) {
      current = chunk;
      parts = current.length <= 4 ? current.length : 2;
      continue;
    }
    // With two parts the complements are the parts themselves.
    const complements = parts > 2 ? chunks.map((c) => current.filter((e) => !c.includes(e))) : [];
    const complement = await first(complements, shows);
    if (complement !== null) {
      current = complement;
      parts = Math.min(current.length, Math.max(parts - 1, 2));
      continue;
    }
    if (parts >= current.length) break;
    parts = Math.min(current.length, parts * 2);
  }
  return { elements: current, doubtful };
}

async function first<T>(
  subsets: readonly T[][],
  shows: (subset: readonly T[]) => Promise<boolean>,
): Promise<T[] | null> {
  for (const subset of subsets) if (await shows(subset)) return subset;
  return null;
}

/** `parts` slices of nearly equal length. */
function split<T>(elements: readonly T[], parts: number): T[][] {
  const slices: T[][] = [];
  let from = 0;
  for (let i = 0; i < parts; i++) {
    const to = from + Math.ceil((elements.length - from) / (parts - i));
    slices.push(elements.slice(from, to));
    from = to;
  }
  return slices.filter((s) => s.length > 0);
}

/** Most subsets the two searches can ask about, the two end points not counted: the search stops at every subset once. */
function mostQuestions(elements: number): number {
  return elements <= 1 ? 0 : 2 ** Math.min(elements, 20) - 2;
}

/** What ddmin asks at worst for one search over `n` elements (n² + 3n), never more than there are subsets. */
export function worstCaseQuestions(n: number): number {
  return Math.min(mostQuestions(n), 2 * (n * n + 3 * n));
}

// An outcome as it is kept: each fact with its time, so that parts may come in any order.

import {
  OUTCOME_FLAGS,
  type Outcome,
  type OutcomeFacts,
  type OutcomeFlag,
  type WindowRules,
} from '../../core/observation.ts';

/** Fact to its value and time. `kpi/NAME` and `score/NAME` hold numbers, `examiner/NAME` a hash; `final_text` only says when it came. */
export type OutcomeBody = Map<string, readonly [value: number | boolean | string, at: number]>;

const EXAMINER = 'examiner/';

export function parseBody(text: string | null): OutcomeBody {
  return new Map(text === null ? [] : Object.entries(JSON.parse(text) as Record<string, [number, number]>));
}

function bodyText(body: OutcomeBody): string {
  return JSON.stringify(Object.fromEntries(body));
}

/** What a message says, fact by fact. */
function bodyOf(o: Outcome): OutcomeBody {
  const body: OutcomeBody = new Map();
  if (o.edited !== undefined) body.set('edited', [o.edited, o.at]);
  for (const flag of OUTCOME_FLAGS) {
    const value = o.flags[flag];
    if (value !== undefined) body.set(flag, [value, o.at]);
  }
  if (o.review !== undefined) body.set('review', [o.review, o.at]);
  for (const [name, value] of Object.entries(o.kpi)) body.set(`kpi/${name}`, [value, o.at]);
  for (const [name, value] of Object.entries(o.scores)) body.set(`score/${name}`, [value, o.at]);
  for (const [name, value] of Object.entries(o.examiners ?? {})) body.set(`examiner/${name}`, [value, o.at]);
  if (o.finalText !== null) body.set('final_text', [true, o.at]);
  return body;
}

/** What a merge did: only `values` changes what windows count. */
type Merged = 'nothing' | 'times' | 'values';

/** Takes over the later facts; of two with one time the larger as text, whatever their order. */
function mergeBody(into: OutcomeBody, news: OutcomeBody): Merged {
  let merged: Merged = 'nothing';
  for (const [fact, [value, at]] of news) {
    const old = into.get(fact);
    if (old !== undefined && (old[1] > at || (old[1] === at && String(old[0]) >= String(value)))) continue;
    if (old === undefined || old[0] !== value) merged = 'values';
    else if (merged === 'nothing') merged = 'times';
    into.set(fact, [value, at]);
  }
  return merged;
}

/** The facts without their times; null where nothing is known. */
export function factsOf(body: OutcomeBody): OutcomeFacts | null {
  if (body.size === 0) return null;
  const flags: Partial<Record<OutcomeFlag, boolean>> = {};
  for (const flag of OUTCOME_FLAGS) {
    const value = body.get(flag)?.[0];
    if (typeof value === 'boolean') flags[flag] = value;
  }
  const named = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      [...body].flatMap(([fact, [value]]) =>
        fact.startsWith(prefix) && typeof value === 'number' ? [[fact.slice(prefix.length), value]] : [],
      ),
    );
  const examiners = examinersOf(body);
  const edited = body.get('edited')?.[0];
  const review = body.get('review')?.[0];
  return {
    ...(typeof edited === 'number' ? { edited } : {}),
    flags,
    ...(review === 'accepted' || review === 'rejected' ? { review } : {}),
    kpi: named('kpi/'),
    scores: named('score/'),
    ...(examiners.length === 0 ? {} : { examiners: Object.fromEntries(examiners) }),
  };
}

/** Who gave which score. A later score without an examiner came from the application. */
function examinersOf(body: OutcomeBody): (readonly [name: string, examiner: string])[] {
  return [...body].flatMap(([fact, [value, at]]) => {
    const name = fact.startsWith(EXAMINER) ? fact.slice(EXAMINER.length) : null;
    return name !== null && body.get(`score/${name}`)?.[1] === at ? [[name, String(value)] as const] : [];
  });
}

/** An outcome as it is kept. */
export interface KnownOutcome {
  readonly at: number;
  readonly body: string;
  readonly finalText: string | null;
}

/** Its answer; `output` is null where its text is not kept. */
export interface KnownAnswer {
  readonly no: number;
  readonly output: string | null;
}

type EditShare = Pick<WindowRules, 'editShare'>;

/** What is known with the news merged in; null where they say nothing new. `changed`: what windows count is another. */
export function mergedOutcome(
  old: KnownOutcome | undefined,
  news: Outcome,
  answer: KnownAnswer | undefined,
  rules: EditShare,
): { readonly next: KnownOutcome; readonly changed: boolean } | null {
  const body = parseBody(old?.body ?? null);
  const known = body.get('final_text')?.[1] ?? Number.NEGATIVE_INFINITY;
  const newText = news.finalText !== null && news.at >= known && news.finalText !== old?.finalText;
  const finalText = newText ? news.finalText : (old?.finalText ?? null);
  const merged = mergeBody(body, bodyOf(news));
  let changed = merged === 'values' || newText;
  if (answer !== undefined && answer.output !== null && finalText !== null)
    changed = measured(body, answer.output, finalText, rules) || changed;
  if (!changed && merged === 'nothing') return null;
  return { next: { at: Math.max(old?.at ?? 0, news.at), body: bodyText(body), finalText }, changed };
}

/** The edit of an answer whose final text came before it; null where there is nothing to measure. */
export function measuredOutcome(
  old: KnownOutcome | undefined,
  output: string,
  rules: EditShare,
): KnownOutcome | null {
  if (old === undefined || old.finalText === null) return null;
  const body = parseBody(old.body);
  return measured(body, output, old.finalText, rules) ? { ...old, body: bodyText(body) } : null;
}

/** A share that was sent itself, and later than the text, stays. */
function measured(body: OutcomeBody, output: string, finalText: string, rules: EditShare): boolean {
  const at = body.get('final_text')?.[1];
  const sent = body.get('edited')?.[1];
  if (at === undefined || (sent !== undefined && sent >= at)) return false;
  const share = rules.editShare(output, finalText);
  return share !== null && mergeBody(body, new Map([['edited', [share, at]]])) === 'values';
}

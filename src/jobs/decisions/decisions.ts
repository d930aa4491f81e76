// lastgood decisions: what a release decided in production, as a list to review, and the marks that people put on it.

import { isJsonObject, type JsonValue, LastgoodError } from '../../base/index.ts';
import {
  DECISION_MARKS,
  type Decision,
  type DecisionMark,
  type DecisionReport,
  type StoredMark,
} from '../../core/decisions.ts';
import { type ObservationStore, OTHER_VALUE, type StoredObservation } from '../../core/observation.ts';
import { timeRange } from '../../engine/production/time-range.ts';
import { decisionMarks, keepMarks } from '../../engine/records/decision-marks.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { isOfRelease, releasesNamed, sentRelease } from './observed-release.ts';

export interface DecisionsInput {
  readonly feature: string;
  /** A release file, a name, or a fingerprint of at least six digits. */
  readonly release: string;
  readonly cwd: string;
  /** How far back in milliseconds, or since when. */
  readonly since: number | Date;
  /** Only those without a mark. */
  readonly unmarked: boolean;
  /** Decisions of the list; all are counted. */
  readonly limit: number;
}

export interface MarkInput {
  readonly mark: DecisionMark;
  readonly ids: readonly string[];
  readonly by: string | undefined;
  readonly why: string | undefined;
}

type Store = Pick<Workplace, 'store' | 'mask' | 'clock'>;

/** Reads windows that are up to date. Throws `NO_FEATURE`, `RELEASE_UNSEEN` or `FINGERPRINT_AMBIGUOUS`. */
export async function decisionsJob(
  work: Store,
  production: ObservationStore,
  input: DecisionsInput,
): Promise<DecisionReport> {
  const { feature } = input;
  await mustExist(production, feature);
  const range = timeRange(work.clock.now(), input.since);
  const seen = new Map<string | null, number>();
  for await (const { dimensions, counts } of production.windows({ feature, ...range, span: 'any' })) {
    const sent = sentRelease(dimensions);
    seen.set(sent, (seen.get(sent) ?? 0) + (counts.get('n') ?? 0));
  }
  const releases = await releasesNamed(input.release, input.cwd, [...seen.keys()]);
  const marks = await decisionMarks(work.store, feature);
  const tally = new Tally(input);
  for await (const o of production.observations({ feature, ...range }))
    if (isOfRelease(o, releases)) tally.add(o, marks.get(o.id) ?? []);
  const counted = releases.reduce((sum, name) => sum + (seen.get(name) ?? 0), 0);
  return {
    feature,
    asked: input.release,
    releases,
    from: new Date(range.from).toISOString(),
    to: new Date(range.to).toISOString(),
    ...tally.report(),
    removed: Math.max(0, counted - tally.observations),
    crowded: releases.includes(OTHER_VALUE) ? 0 : (seen.get(OTHER_VALUE) ?? 0),
    unnamed: seen.get(null) ?? 0,
  };
}

/** Counts all decisions of a release, and keeps the first ones. */
class Tally {
  readonly #input: Pick<DecisionsInput, 'unmarked' | 'limit'>;
  readonly #list: Decision[] = [];
  readonly #byMark: Record<DecisionMark, number> = { reviewed: 0, corrected: 0, reversed: 0 };
  readonly #byMode = new Map<string, number>();
  #decisions = 0;
  #unmarked = 0;
  #listed = 0;
  observations = 0;

  constructor(input: Pick<DecisionsInput, 'unmarked' | 'limit'>) {
    this.#input = input;
  }

  add(o: StoredObservation, marks: readonly StoredMark[]): void {
    this.observations++;
    if (!isDecision(o)) return;
    this.#decisions++;
    const mode = o.actionMode ?? '(none)';
    this.#byMode.set(mode, (this.#byMode.get(mode) ?? 0) + 1);
    const newest = marks.at(-1);
    if (newest === undefined) this.#unmarked++;
    else this.#byMark[newest.mark]++;
    if (this.#input.unmarked && newest !== undefined) return;
    this.#listed++;
    if (this.#list.length < this.#input.limit) this.#list.push(decisionOf(o, marks));
  }

  report(): Pick<DecisionReport, 'counts' | 'decisions' | 'more'> {
    return {
      counts: {
        observations: this.observations,
        decisions: this.#decisions,
        unmarked: this.#unmarked,
        byMark: this.#byMark,
        byMode: Object.fromEntries([...this.#byMode].sort(([a], [b]) => (a < b ? -1 : 1))),
      },
      decisions: this.#list,
      more: this.#listed - this.#list.length,
    };
  }
}

/** An answer that acted, or was meant to: it has an action mode, or it called a tool. */
function isDecision({ actionMode, measures }: StoredObservation): boolean {
  return actionMode !== null || (measures.toolCalls ?? 0) > 0;
}

function decisionOf(o: StoredObservation, marks: readonly StoredMark[]): Decision {
  const { template, segment } = o.dimensions;
  const calls = o.texts?.rest['tool_calls'];
  return {
    id: o.id,
    at: new Date(o.at).toISOString(),
    release: sentRelease(o.dimensions) ?? '',
    template,
    segment,
    actionMode: o.actionMode,
    toolCalls: o.measures.toolCalls,
    tools: Array.isArray(calls) ? (calls as readonly JsonValue[]).map(toolName) : null,
    output: o.texts?.output ?? null,
    outcome: o.outcome,
    marks,
  };
}

/** In the form of an observation, and in OpenAI's. */
function toolName(call: JsonValue): string {
  if (!isJsonObject(call)) return '(unreadable)';
  const inner = call['function'];
  const name = call['name'] ?? (isJsonObject(inner) ? inner['name'] : undefined);
  return typeof name === 'string' ? name : '(unnamed)';
}

/**
 * Marks decisions by their ids: all of them or none. Throws `DECISION_UNKNOWN` for an id that is no decision of the release, and
 * `DECISION_AMBIGUOUS` for one that several decisions show after redaction.
 */
export async function markDecisions(
  work: Store,
  production: ObservationStore,
  input: Pick<DecisionsInput, 'feature' | 'release' | 'cwd' | 'since'>,
  mark: MarkInput,
): Promise<{ readonly ids: readonly string[]; readonly mark: StoredMark }> {
  const { by, why } = complete(mark);
  const ids = [...new Set(mark.ids)];
  const { feature } = input;
  await mustExist(production, feature);
  const range = timeRange(work.clock.now(), input.since);
  const seen = new Set<string | null>();
  for await (const w of production.windows({ feature, ...range, span: 'any' }))
    seen.add(sentRelease(w.dimensions));
  const releases = await releasesNamed(input.release, input.cwd, [...seen]);
  const found = new Map(ids.map((id) => [id, 0]));
  for await (const o of production.observations({ feature, ...range })) {
    const known = found.get(o.id);
    if (known !== undefined && isOfRelease(o, releases) && isDecision(o)) found.set(o.id, known + 1);
  }
  const missing = ids.filter((id) => found.get(id) === 0);
  if (missing.length > 0)
    throw new LastgoodError({
      code: 'DECISION_UNKNOWN',
      message: `no stored decision of ${releases.join(', ')} in this time has the id ${quoted(missing)}; nothing was marked`,
      hint: `lastgood decisions ${feature} --release ${input.release} lists them; an older one needs --since`,
    });
  const several = ids.filter((id) => (found.get(id) ?? 0) > 1);
  if (several.length > 0)
    throw new LastgoodError({
      code: 'DECISION_AMBIGUOUS',
      message: `several decisions are stored under the id ${quoted(several)}, because a redaction rule replaced the part in which they differ; nothing was marked`,
      hint: 'send ids that no `redact` rule of lastgood.yaml matches',
    });
  return { ids, mark: await keepMarks(work, feature, ids, { mark: mark.mark, by, why }) };
}

function quoted(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).map((id) => JSON.stringify(id));
  return `${shown.join(', ')}${ids.length > shown.length ? ` and ${ids.length - shown.length} more` : ''}`;
}

/** Reports everything that is missing at once. */
function complete({ mark, ids, by, why }: MarkInput): { readonly by: string; readonly why: string } {
  const missing = [
    ...(ids.length === 0 ? ['--id'] : []),
    ...(by === undefined || by.trim() === '' ? ['--by'] : []),
    ...(why === undefined || why.trim() === '' ? ['--why'] : []),
  ];
  if (missing.length > 0)
    throw new LastgoodError({
      code: 'DECISION_MARK',
      message: `--mark needs ${missing.join(' and ')}, so that it is known who looked at which decisions, and why`,
      hint: `lastgood decisions FEATURE --release RELEASE --mark ${mark} --id ID --by NAME --why TEXT`,
    });
  return { by: by as string, why: why as string };
}

/** The mark of a word. Throws `DECISION_MARK`. */
export function markNamed(word: string): DecisionMark {
  const found = DECISION_MARKS.find((mark) => mark === word);
  if (found !== undefined) return found;
  throw new LastgoodError({
    code: 'DECISION_MARK',
    message: `--mark takes ${DECISION_MARKS.join(', ')}, not ${JSON.stringify(word)}`,
  });
}

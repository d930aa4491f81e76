// The same question asked again: which comparisons of the same releases under the same exam the ledger holds, and what a further one may
// still claim. Running a comparison until it is green is throwing dice until they fall well.

import type {
  Comparison,
  EarlierComparison,
  JudgedRung,
  Multiplicity,
  OverallVerdict,
  Policy,
  SnapshotStore,
} from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { TIERS, type Tier } from './compare-plan.ts';
import { LADDER, ladderRungs, onlyRung, type Rung, repetitionPolicy, suspects } from './ladder.ts';

/** Comparisons older than this ask about a service and a world that may have changed. */
const WINDOW_DAYS = 30;

/** What makes two comparisons one question. */
export interface Pair {
  readonly suite: string;
  readonly exam: string;
  readonly baseline: string;
  readonly candidate: string;
}

/** An earlier comparison, with what is needed to go on with it. */
export interface Asked extends EarlierComparison {
  readonly role: Multiplicity['role'];
  readonly continues: string | null;
  readonly rungs: readonly JudgedRung[];
}

/**
 * Earlier comparisons of the pair, oldest first. A release compared with itself asks about the service, which may change at any hour:
 * that is a new question each time.
 */
export async function askedBefore(store: SnapshotStore, pair: Pair, now: Date): Promise<Asked[]> {
  if (pair.baseline === pair.candidate) return [];
  const since = now.getTime() - WINDOW_DAYS * 86_400_000;
  const byCandidate = new Map<string, Asked>();
  for (const { at, body } of await store.records('comparison', pair.suite)) {
    const c = body as unknown as Comparison;
    if (Date.parse(at) < since || c.verdict === 'invalid') continue;
    if (c.candidate.exam !== pair.exam) continue;
    if (c.baseline.fingerprint !== pair.baseline || c.candidate.fingerprint !== pair.candidate) continue;
    const before = byCandidate.get(c.multiplicity?.continues ?? '');
    const asked = askedOf(c, at);
    // A ladder is kept at every rung: the last one counts.
    byCandidate.delete(c.candidate.id);
    byCandidate.set(c.candidate.id, before === undefined ? asked : goneOn(before, asked));
  }
  // What was continued has no answer of its own any more.
  const asked = [...byCandidate.values()];
  const continued = new Set(asked.map((a) => a.continues));
  return asked.filter((a) => !continued.has(a.candidate));
}

/** Keeps a comparison, so that `askedBefore` finds it. */
export function keepComparison(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  comparison: Comparison,
): Promise<void> {
  const at = clock.now().toISOString();
  return store.keepRecord({ kind: 'comparison', suite: comparison.suite, at, body: comparison as never });
}

function goneOn(before: Asked, asked: Asked): Asked {
  return {
    ...asked,
    role: before.role,
    spent: rounded(before.spent + asked.spent),
    rungs: [...before.rungs, ...asked.rungs],
  };
}

function askedOf(c: Comparison, at: string): Asked {
  const { multiplicity, engine } = c;
  return {
    role: multiplicity?.role ?? 'first',
    continues: multiplicity?.continues ?? null,
    baseline: c.baseline.id,
    candidate: c.candidate.id,
    at,
    tier: engine.tier,
    trials: multiplicity?.rungs.at(-1)?.trials ?? Math.ceil(c.overall.candidateTrialsPerCase ?? 1),
    verdict: c.verdict,
    green: c.gate.outcome === 'pass',
    spent: multiplicity?.spent ?? engine.alphaAggregate + engine.alphaCase,
    rungs: multiplicity?.rungs ?? [],
  };
}

/** What is asked now. */
export interface Question {
  readonly policy: Policy;
  readonly tier: Policy['tier'];
  /** Per case and arm; of a ladder its top. */
  readonly trials: number;
  /** Early looks of a single tier. */
  readonly looks: readonly number[];
}

/** How it will be judged. */
export interface ErrorBudget {
  readonly role: Multiplicity['role'];
  readonly rungs: readonly [Rung, ...Rung[]];
  readonly earlier: readonly Asked[];
}

/**
 * First: the tier's or the ladder's own rates. After comparisons that were all left open at fewer trials: the rungs above them, by
 * their own rates. Anything else repeats, by a small part of the rates that comes on top of them.
 */
export function standingOf(question: Question, earlier: readonly Asked[]): ErrorBudget {
  const { policy, tier, trials, looks } = question;
  const climbs = ladderRungs(policy, tier === 'ladder' ? trials : undefined);
  if (earlier.length === 0)
    return {
      role: 'first',
      earlier,
      rungs: tier === 'ladder' ? atLeastOne(climbs) : [onlyRung(policy, tier, trials, looks)],
    };
  const reached = Math.max(...earlier.map((e) => e.trials));
  const open = earlier.every((e) => e.verdict === 'inconclusive' && !e.green);
  // A rung's rates are spent once, whatever its number of trials.
  const judged = new Set(earlier.flatMap((e) => e.rungs.map((rung) => rung.tier)));
  const above = climbs.filter((rung) => rung.trials > reached && !judged.has(rung.tier));
  const wanted = tier === 'ladder' ? above : above.filter((rung) => rung.tier === tier);
  if (open && wanted.length > 0) return { role: 'continued', earlier, rungs: atLeastOne(wanted) };
  const nth = 1 + earlier.filter((e) => e.role === 'repetition').length;
  return {
    role: 'repetition',
    earlier,
    rungs: [
      {
        tier: tier === 'ladder' ? 'deep' : tier,
        trials,
        looks: [],
        policy: repetitionPolicy(policy, nth),
      },
    ],
  };
}

function atLeastOne(rungs: readonly Rung[]): readonly [Rung, ...Rung[]] {
  const [first, ...rest] = rungs;
  if (first === undefined) throw new Error('a ladder has a tier');
  return [first, ...rest];
}

/** What the judged rungs may have spent. A single first tier includes what its early looks may. */
function spentBy(standing: ErrorBudget, judged: readonly JudgedRung[], policy: Policy): number {
  if (standing.role === 'first' && standing.rungs.length === 1) {
    const { tier, trials } = standing.rungs[0];
    const { alphaAggregate, alphaCase } = onlyRung(policy, tier, trials, []).policy;
    return alphaAggregate + alphaCase;
  }
  return judged.reduce((sum, rung) => sum + rung.alphaAggregate + rung.alphaCase, 0);
}

/** A rung as it was judged. */
export function judgedAs(rung: Rung, c: Comparison, fresh: JudgedRung['fresh']): JudgedRung {
  return {
    tier: rung.tier,
    trials: rung.trials,
    alphaAggregate: rung.policy.alphaAggregate,
    alphaCase: rung.policy.alphaCase,
    confidence: rung.policy.confidence,
    pRegression: c.overall.pRegression,
    delta: c.overall.delta,
    interval: c.overall.interval,
    verdict: c.verdict,
    suspects: suspects(c),
    fresh,
  };
}

/**
 * The comparison with its multiplicity told, and nothing claimed that this standing does not allow: a repetition can turn red, but green only
 * where everything before it was green.
 */
export function withMultiplicity(
  comparison: Comparison,
  standing: ErrorBudget,
  judged: readonly JudgedRung[],
  policy: Policy,
): Comparison {
  const { role, earlier } = standing;
  const spent = rounded(spentBy(standing, judged, policy));
  const multiplicity: Multiplicity = {
    role,
    continues: role === 'continued' ? (earlier.at(-1)?.candidate ?? null) : null,
    rungs: judged,
    earlier: earlier.map(({ role: _role, continues: _continues, rungs: _rungs, ...rest }) => rest),
    spent,
    spentTogether: rounded(earlier.reduce((sum, e) => sum + e.spent, spent)),
    limit: rounded(policy.alphaAggregate + policy.alphaCase),
    sentence: '',
  };
  const adjusted = { ...comparison, multiplicity: { ...multiplicity, sentence: sentenceOf(multiplicity) } };
  if (role === 'repetition' && !earlier.every((e) => e.green)) return heldOpen(adjusted, earlier);
  return multiplicity.spentTogether > multiplicity.limit + 1e-9 ? warned(adjusted) : adjusted;
}

/** Green is withheld: what was left open or red is not made green by asking once more. */
function heldOpen(c: Comparison, earlier: readonly Asked[]): Comparison {
  const was = earlier.find((e) => e.verdict === 'regressed') ?? earlier.find((e) => !e.green);
  const why = `asked before with another answer (${was?.verdict} in ${was?.candidate} on ${was?.at.slice(0, 10)}), and a repetition does not make that green`;
  const claims = c.verdict === 'unchanged' || c.verdict === 'improved';
  const verdict: OverallVerdict = claims ? 'inconclusive' : c.verdict;
  const reason = claims ? `${why}; on these trials alone: ${c.reason}` : c.reason;
  const rules = [
    ...c.gate.rules.map((rule) =>
      claims && rule.rule === 'verdict'
        ? { ...rule, value: verdict, outcome: 'inconclusive' as const, message: reason }
        : rule,
    ),
    {
      rule: 'multiplicity',
      value: earlier.length + 1,
      limit: 1,
      outcome: 'inconclusive' as const,
      message: why,
    },
  ];
  return {
    ...c,
    verdict,
    reason,
    gate: { outcome: c.gate.outcome === 'fail' ? 'fail' : 'inconclusive', rules },
  };
}

function warned(c: Comparison): Comparison {
  const m = c.multiplicity;
  if (m === undefined) return c;
  const rule = {
    rule: 'multiplicity',
    value: m.spentTogether,
    limit: m.limit,
    outcome: 'warn' as const,
    message: `${m.earlier.length + 1} comparisons of this pair may together be wrong at a rate of ${m.spentTogether}, the policy says ${m.limit}; a ladder keeps to it`,
  };
  return { ...c, gate: { ...c.gate, rules: [...c.gate.rules, rule] } };
}

function sentenceOf(m: Multiplicity): string {
  const before = m.earlier
    .slice(-3)
    .map((e) => `${e.candidate} on ${e.at.slice(0, 10)} (${e.tier}, ${e.verdict})`)
    .join(', ');
  const more = m.earlier.length > 3 ? ` and ${m.earlier.length - 3} more` : '';
  const together = `false alarms so far at most ${m.spentTogether} of ${m.limit}`;
  switch (m.role) {
    case 'first':
      return `compared for the first time; ${together}`;
    case 'continued':
      return `continues what was left open: ${before}${more}; ${together}`;
    case 'repetition':
      return `a repetition: these releases were compared before in ${before}${more}; judged by the small part of the error rates that repetitions have; ${together}`;
  }
}

/** Before the first call: what was asked before, and how this will be judged; null the first time. */
export function standingText(standing: ErrorBudget): string | null {
  const last = standing.earlier.at(-1);
  if (last === undefined) return null;
  const before = `compared before ${standing.earlier.length === 1 ? 'once' : `${standing.earlier.length} times`}, last as ${last.candidate} on ${last.at.slice(0, 10)}: ${last.verdict}`;
  return standing.role === 'continued'
    ? `${before}; this continues it`
    : `${before}; this is a repetition, judged with the reduced error budget for repeats (${standing.rungs[0].policy.alphaAggregate} and ${standing.rungs[0].policy.alphaCase})`;
}

/** The tier whose rungs would settle it: the ladder, while it has rungs left. */
export function rungsLeft(standing: ErrorBudget, judged: readonly JudgedRung[]): readonly Tier[] {
  const top = Math.max(0, ...judged.map((rung) => rung.trials), ...standing.earlier.map((e) => e.trials));
  return standing.role === 'repetition' ? [] : LADDER.filter((tier) => TIERS[tier].trials > top);
}

function rounded(x: number): number {
  return Number(x.toPrecision(6));
}

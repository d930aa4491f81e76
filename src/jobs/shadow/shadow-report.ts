// Both sides of a shadow run, read from the ledger: how far their answers differ, where most, and at what cost.

import {
  type Case,
  type GradedTrial,
  isRemoved,
  type Release,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { ShadowCost, ShadowGroup, ShadowReport } from '../../core/shadow.ts';
import { compareStored } from '../../engine/comparison/compare-stored.ts';
import type { JudgeBatching } from '../../engine/examiners/batched-judges.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { LEXICAL } from '../../monitor/lexical-embedding.ts';
import { type ShadowAnswer, type ShadowPair, shadowDifference } from '../../monitor/shadow-difference.ts';
import { quantile7 } from '../../stats/index.ts';
import { judgePrefer } from '../judge/judge-prefer.ts';
import type { ShadowPlanRecord } from './plan-record.ts';

export interface ShadowSides {
  readonly baseline: SnapshotSummary;
  /** null = it was not begun. */
  readonly candidate: SnapshotSummary | null;
  readonly stoppedBy: string | null;
  /** null = no judge is asked which answer is better. */
  readonly preferring: Release | null;
  readonly pairs: number;
  /** The judge is asked about preferences in batches. */
  readonly batch: JudgeBatching | undefined;
}

/** First answers of one side by case. */
type Answers = ReadonlyMap<string, GradedTrial>;

export async function reportOf(
  work: Workplace,
  plan: ShadowPlanRecord,
  { baseline, candidate, stoppedBy, preferring, pairs, batch }: ShadowSides,
): Promise<ShadowReport> {
  const { store } = work;
  const cases = [...(await store.suiteOf(baseline.id)).cases];
  const [a, b] = [await answersOf(work, baseline), await answersOf(work, candidate)];
  const { found, unpaired } = paired(cases, a, b);
  const { all, groups } = shadowDifference(found);
  const nameOf = (s: SnapshotSummary) => ({ name: s.release, fingerprint: s.fingerprint });
  const graded = plan.graders.length > 0 && candidate !== null && found.length > 0;
  const preferred =
    preferring === null || candidate === null || found.length === 0 || pairs === 0
      ? null
      : await judgePrefer(work, { baseline, candidate, judge: preferring, cases: pairs, batch });
  const preference = preferred?.stoppedBy == null ? preferred : null;
  return {
    feature: plan.feature,
    release: plan.release,
    against: plan.live ? nameOf(baseline) : null,
    sample: plan.sample,
    snapshots: { baseline: baseline.id, candidate: candidate?.id ?? null },
    stoppedBy: stoppedBy ?? preferred?.stoppedBy ?? null,
    unpaired,
    embedding: LEXICAL,
    difference: all,
    groups,
    cost: { baseline: costOf(a), candidate: costOf(b), candidateUsd: candidate?.costUsd ?? null },
    preference:
      preference === null
        ? null
        : {
            ...preference.counts,
            p: preference.p,
            verdict: preference.verdict,
            judgeCalls: preference.judgeCalls,
          },
    comparison: graded ? await compareStored(work, baseline, candidate) : null,
    graders: plan.graders,
  };
}

async function answersOf(work: Workplace, side: SnapshotSummary | null): Promise<Answers> {
  const answers = new Map<string, GradedTrial>();
  if (side === null) return answers;
  for await (const graded of work.store.trials(side.id))
    if (!answers.has(graded.trial.caseId)) answers.set(graded.trial.caseId, graded);
  return answers;
}

function paired(
  cases: readonly Case[],
  a: Answers,
  b: Answers,
): { readonly found: ShadowPair[]; readonly unpaired: ShadowReport['unpaired'] } {
  const found: ShadowPair[] = [];
  const unpaired = { candidateFailed: 0, candidateNotAsked: 0, baselineWithout: 0 };
  for (const c of cases) {
    const [before, after] = [shownOf(a.get(c.id)), shownOf(b.get(c.id))];
    const status = b.get(c.id)?.trial.status;
    if (before === null) unpaired.baselineWithout++;
    else if (after !== null) found.push({ baseline: before, candidate: after, groups: groupsOf(c) });
    else if (status === 'failed') unpaired.candidateFailed++;
    else unpaired.candidateNotAsked++;
  }
  return { found, unpaired };
}

/** null without an answer that is still in the ledger. */
function shownOf(graded: GradedTrial | undefined): ShadowAnswer | null {
  if (graded === undefined || graded.trial.status !== 'answered' || isRemoved(graded.trial)) return null;
  const { output } = graded.trial;
  return {
    text: output.text,
    tools: output.toolCalls.map((call) => call.name),
    refused: graded.measures.refusal === true,
  };
}

function groupsOf({ tags }: Case): Pick<ShadowGroup, 'by' | 'value'>[] {
  return tags.map((tag) => {
    const [, by, value] = /^(template|segment):([\s\S]+)$/.exec(tag) ?? [];
    return by === undefined
      ? { by: 'tag', value: tag }
      : { by: by as 'template' | 'segment', value: value as string };
  });
}

function costOf(answers: Answers): ShadowCost {
  const answered = [...answers.values()].flatMap(({ trial }) => (trial.status === 'answered' ? [trial] : []));
  const known = answered.flatMap(({ costUsd }) => costUsd ?? []);
  const latencies = answered.flatMap(({ latencyMs }) => latencyMs ?? []);
  return {
    perCallUsd:
      answered.length === 0 || known.length < answered.length
        ? null
        : known.reduce((sum, cost) => sum + cost, 0) / known.length,
    latencyMs: latencies.length === 0 ? null : quantile7(latencies, 0.5),
  };
}

// Running through a provider's batch API: what may go there, and how a snapshot that does is told from others.

import { LastgoodError } from '../../base/index.ts';
import { hasConversation } from '../../core/case-conversation.ts';
import { examinersAsked, type Provider, type SnapshotSummary } from '../../core/index.ts';
import { BATCH_LABEL, BATCH_TIER } from '../../core/provider-batch.ts';
import type { BatchOptions } from '../../run/index.ts';
import { type BatchWaiting, batchOptions, whyUnbatchable } from '../batching/batch-api.ts';
import { runScope } from '../batching/provider-batches.ts';
import type { JudgeBatching } from '../examiners/batched-judges.ts';
import { idleProviderOf, type Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import { dearestCall, pricesOf } from './call-prices.ts';
import { limitsOf, type RunSettings } from './run-settings.ts';

/** Labels of a snapshot that is run through a batch API; finishing it goes on there. */
export const BATCH_LABELS: Readonly<Record<string, string>> = { [BATCH_LABEL]: BATCH_TIER };

/** Throws `BATCH_UNSUPPORTED`, `BATCH_CASE` or `BATCH_OPTION` for what no batch API takes. Makes no call. */
export function checkBatchable(
  { suite, release }: Assignment,
  provider: Provider,
  settings: Pick<RunSettings, 'batch' | 'stream' | 'spreadMs'>,
): void {
  if (settings.batch !== true) return;
  const why = whyUnbatchable(release, provider);
  if (why !== null) throw new LastgoodError({ code: 'BATCH_UNSUPPORTED', ...why });
  if (settings.stream === true || settings.spreadMs !== undefined)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: `${settings.stream === true ? '--stream' : '--spread'} cannot be combined with --batch: a batch has neither streams nor times of its calls`,
      hint: 'leave one of them out',
    });
  for (const c of suite.cases)
    if (hasConversation(c))
      throw new LastgoodError({
        code: 'BATCH_CASE',
        message: `case "${c.id}" has turns or tools that lastgood answers, and each step would wait for a batch of its own`,
        hint: 'leave --batch out, or leave such cases out with --filter',
      });
}

/** Throws `BATCH_COST_UNBOUNDED` where a cost limit could not be checked before a batch is handed in. */
export function checkCostBound(settings: RunSettings, dearestUsd: () => number | undefined): void {
  if (settings.batch !== true || settings.maxCostUsd === undefined || dearestUsd() !== undefined) return;
  throw new LastgoodError({
    code: 'BATCH_COST_UNBOUNDED',
    message:
      '--max-cost needs the most that one call may cost before a batch is submitted, and it is unknown here; nothing was sent',
    hint: 'set `max-output-tokens` in the params of the release and a price for its model, or use --max-calls',
  });
}

/** The mode in which a snapshot was begun decides how it is finished. Throws `BATCH_RESUME` for --batch on any other. */
export function resumedMode(settings: RunSettings, { id, labels }: SnapshotSummary): RunSettings {
  if (labels[BATCH_LABEL] === BATCH_TIER) return { ...settings, batch: true };
  if (settings.batch !== true) return settings;
  throw new LastgoodError({
    code: 'BATCH_RESUME',
    message: `${id} was begun without --batch, and its calls would have two prices`,
    hint: `finish it with \`lastgood run --resume ${id}\``,
  });
}

/** The same checks, before anything else is done for the run. */
export async function refuseUnbatchable(
  work: Workplace,
  assignment: Assignment,
  settings: RunSettings,
): Promise<void> {
  if (settings.batch !== true) return;
  const provider = await idleProviderOf(work, assignment.release);
  try {
    checkBatchable(assignment, provider, settings);
    checkCostBound(settings, () => dearestCall([{ assignment, provider }], pricesOf(work, settings)));
  } finally {
    await provider.close?.();
  }
  if (assignment.judge === null) return;
  const { isJudgeBatchable, refuseUnpricedJudge } = await import('../examiners/batched-judges.ts');
  if (await isJudgeBatchable(work, assignment.judge))
    refuseUnpricedJudge(work, assignment.judge, settings.judgeLimit);
}

/** undefined = single calls. */
export function batchOptionsOf(
  work: Workplace,
  settings: RunSettings,
  arm: { readonly provider: Provider; readonly snapshotId: string; readonly assignment: Assignment },
): BatchOptions | undefined {
  const { batch: api } = arm.provider;
  if (settings.batch !== true || api === undefined) return undefined;
  const scope = { scope: runScope(arm.snapshotId), suite: arm.assignment.suite.name };
  return batchOptions(work, api, scope, waitingOf(settings, arm.snapshotId));
}

/** How the judges of a snapshot are asked in batches; undefined = in single calls. */
export async function judgeBatchingOf(
  work: Workplace,
  settings: RunSettings,
  { assignment, snapshotId }: { readonly assignment: Assignment; readonly snapshotId: string },
): Promise<JudgeBatching | undefined> {
  if (settings.batch !== true && settings.batchJudge !== true) return undefined;
  const { cases, name } = assignment.suite;
  // Where no texts are kept, no answer waits in the ledger until it is judged.
  if (work.privacy?.store === 'scores' || !examinersAsked(cases).judge) return undefined;
  const { isJudgeBatchable } = await import('../examiners/batched-judges.ts');
  if (!(await isJudgeBatchable(work, assignment.judge))) return undefined;
  return {
    ...waitingOf(settings, snapshotId),
    scope: { scope: `judging ${snapshotId}`, suite: name },
    outageMs: limitsOf(settings).outageMs,
  };
}

function waitingOf(settings: RunSettings, snapshotId: string): BatchWaiting {
  const { batchPollMs: pollMs, batchWaits } = settings;
  const continueWith = `\`lastgood run --resume ${snapshotId}\` continues`;
  return { pollMs, continueWith, ...batchWaits };
}

// A finished run, or the estimate of one, for a person at a terminal.

import { shortHash } from '../../base/index.ts';
import { count, grouped, usd } from '../../base/numbers.ts';
import type { EmbeddingEstimate, SnapshotSummary } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { passRateText, spent, spentOnJudging } from '../parts/format.ts';
import { PLAIN, type Style } from './style.ts';

/** What the run made, and everything about it that is not as it should be. */
export function runText(
  s: SnapshotSummary,
  options: {
    readonly style?: Style;
    readonly next?: string | undefined;
    /** What is known of the judge, as a sentence. */
    readonly judge?: string | null | undefined;
  } = {},
): string {
  const style = options.style ?? PLAIN;
  const state = s.state === 'finished' ? s.validity : `${s.state}, ${s.validity}`;
  const lines = [
    `snapshot ${style.bold(s.id)}  ${terminalLine(s.suite, 60)} × ${terminalLine(s.release, 60)} ${shortHash(s.fingerprint)}  ${s.validity === 'valid' ? style.green(state) : style.yellow(state)}`,
    `  pass rate ${passRateText(s)}; ${s.trials} of ${count(s.plannedTrials, 'trial')}: ${s.answered} answered, ${s.failed} failed, ${s.skipped} skipped, ${s.ungraded} ungraded`,
    `  ${count(s.calls, 'call')}, cost ${spent(s)}${s.judge === null ? (s.embedder === null ? '' : `; embedder ${spentOnJudging(s)}`) : `; ${s.embedder === null ? 'judge' : 'judge and embedder'} ${spentOnJudging(s)}`}; served ${
      s.servedModels.map((m) => (m === null ? 'model not disclosed' : terminalLine(m, 60))).join(', ') ||
      'nothing'
    }${s.simulated ? ' (simulated or recorded, not a live model)' : ''}`,
    ...s.validityReasons.map((r) => `  ${style.yellow(s.validity)}: ${terminalLine(r, 300)}`),
    ...(options.judge === undefined || options.judge === null
      ? []
      : [`  ${terminalLine(options.judge, 300)}`]),
    ...s.findings.map((f) => `  finding: ${terminalLine(f.message, 300)} [${f.code}]`),
  ];
  if (s.state === 'interrupted') lines.push(`next: lastgood run --resume ${s.id}`);
  else if (options.next !== undefined) lines.push(`next: ${options.next}`);
  return `${lines.join('\n')}\n`;
}

/** What judging may come to, on one line. */
export function judgingText(judge: JudgingBounds): string {
  const cost = judge.costUpperUsd === null ? 'cost unknown' : `cost at most ${usd(judge.costUpperUsd)}`;
  return `judge: ${count(judge.calls, 'call')} (at most ${grouped(judge.callsUpper)} if replies are cut off, unreadable or retried), ${cost}`;
}

/** What embedding may come to, on one line. */
export function embeddingText(e: EmbeddingEstimate): string {
  const cost = e.costUpperUsd === null ? 'cost unknown' : `cost at most ${usd(e.costUpperUsd)}`;
  const tokens =
    e.inputTokensUpper === null ? 'tokens unknown' : `at most ${grouped(e.inputTokensUpper)} tokens`;
  const answers = e.answers === 0 ? '' : `${count(e.answers, 'answer')} for the embedding channel, `;
  return `embedder: at most ${count(e.calls, 'call')} (${answers}${tokens}), ${cost}`;
}

interface JudgingBounds {
  readonly calls: number;
  readonly callsUpper: number;
  readonly costUpperUsd: number | null;
}

/** What a dry run found; nothing was called. */
export function estimateText(e: {
  readonly calls: number;
  readonly callsUpper: number;
  readonly inputTokensUpper: number | null;
  readonly outputTokensUpper: number | null;
  readonly costUpperUsd: number | null;
  readonly note: string;
  readonly judge: JudgingBounds | null;
  readonly embedding: EmbeddingEstimate | null;
  readonly pricesAsOf: string | null;
}): string {
  const { judge, embedding } = e;
  const judged = judge === null ? '' : `  ${judgingText(judge)}\n`;
  const embedded = embedding === null ? '' : `  ${embeddingText(embedding)}\n`;
  const tokens = (n: number | null): string => (n === null ? 'unknown' : `at most ${grouped(n)}`);
  return `Nothing was called. This run would make ${count(e.calls, 'call')} (at most ${grouped(e.callsUpper)} with every retry) to the subject.
  input tokens   ${tokens(e.inputTokensUpper)}
  output tokens  ${tokens(e.outputTokensUpper)}
  cost           ${e.costUpperUsd === null ? 'unknown' : `at most ${usd(e.costUpperUsd)}`}${e.pricesAsOf === null ? '' : `, by prices as of ${e.pricesAsOf}`}
${judged}${embedded}${e.note}
`;
}

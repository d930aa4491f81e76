// Which snapshots may lose their payloads, whatever database they are kept in.

import { LastgoodError } from '../../base/errors.ts';

export interface PruneRules {
  /** The newest runs of each suite keep their payloads. */
  readonly keepLast?: number | undefined;
  /** So do all snapshots younger than this. */
  readonly keepDays?: number | undefined;
  /** Said alone: nothing keeps its payloads but what always does, baselines and evidence. */
  readonly keepBlessed?: boolean | undefined;
  readonly now: Date;
  readonly dryRun: boolean;
}

export interface PruneReport {
  readonly dryRun: boolean;
  /** Snapshots that keep their payloads, with the reason. */
  readonly kept: readonly { readonly snapshot: string; readonly why: string }[];
  /** Snapshots whose answers and requests go; their trials, scores and grades stay. */
  readonly pruned: readonly string[];
  readonly texts: number;
  readonly textBytes: number;
  /** Embedding vectors: those of the texts that go, and those of embedders that no kept snapshot was made with. */
  readonly vectors: number;
  readonly bytesBefore: number;
  /** null in a dry run. */
  readonly bytesAfter: number | null;
}

/** A snapshot with what decides whether it keeps its payloads. */
export interface AgedSnapshot {
  readonly no: number;
  readonly id: string;
  readonly state: string;
  readonly ageRank: number;
  readonly startedMs: number;
  readonly blessed: number;
  readonly named: string | null;
}

/** Throws `PRUNE_WITHOUT_RULE`. */
export function mustHaveRule(rules: PruneRules): void {
  if (rules.keepLast !== undefined || rules.keepDays !== undefined || rules.keepBlessed === true) return;
  throw new LastgoodError({
    code: 'PRUNE_WITHOUT_RULE',
    message: 'Nothing says which snapshots are old.',
    hint: 'pass --keep-last N (newest runs of each suite), --keep-days D, or --keep-blessed for baselines and evidence alone; --dry-run shows what would go',
  });
}

/** Why it keeps them; null where it does not. */
export function reasonToKeep(s: AgedSnapshot, rules: PruneRules): string | null {
  if (s.blessed === 1) return 'a baseline, now or once';
  if (s.named !== null) return `evidence of a kept record (${s.named})`;
  if (s.state !== 'finished') return `${s.state}: it can be resumed`;
  if (rules.keepLast !== undefined && s.ageRank <= rules.keepLast)
    return `one of the newest ${rules.keepLast} of its kind`;
  if (rules.keepDays !== undefined && rules.now.getTime() - s.startedMs < rules.keepDays * 86_400_000)
    return `younger than ${rules.keepDays} days`;
  return null;
}

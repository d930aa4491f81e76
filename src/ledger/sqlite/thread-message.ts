// What the writing thread and its ledger say to each other. Everything is plain data: it is copied on its way.

import type { SentError } from '../../base/sent-error.ts';
import type { GradedTrial } from '../../core/snapshot.ts';
import type { ProjectFolder } from '../model/project-folder.ts';
import type { PackedCase, UnpackedCase } from './case-rows.ts';

/** Which ledger the thread writes. */
export interface ThreadStart {
  readonly path: string;
  /** The file that was opened there, see `mustBeSameFile`. */
  readonly identity: string;
  readonly busyTimeoutMs: number | undefined;
  readonly project: ProjectFolder | undefined;
}

/**
 * One transaction: trials of a snapshot (`resume`: in the place of those that are run again, where there are any), or the versions of
 * cases whose ids are answered in order.
 */
export type LedgerTask =
  | {
      readonly kind: 'append' | 'resume' | 'regrade';
      readonly snapshotId: string;
      readonly rows: readonly GradedTrial[];
    }
  | { readonly kind: 'cases'; readonly rows: readonly PackedCase[] };

/** The same of the thread alone: cases it packs itself, and the keys of such as it has packed before. */
export type ThreadTask =
  | LedgerTask
  | { readonly kind: 'unpacked'; readonly rows: readonly UnpackedCase[] }
  | { readonly kind: 'ahead'; readonly rows: readonly string[] };

export type ThreadRequest =
  | { readonly kind: 'task'; readonly no: number; readonly task: ThreadTask }
  /** Cases that will likely have to be written. */
  | { readonly kind: 'pack'; readonly rows: readonly UnpackedCase[] }
  /** They will not. */
  | { readonly kind: 'unpack' }
  | { readonly kind: 'close' };

export type ThreadReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly no: number; readonly ids: readonly number[] }
  | { readonly kind: 'failed'; readonly no: number; readonly error: SentError };

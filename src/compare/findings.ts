// Everything that was found among the paired cases of a comparison.

import type { Contrasts, PairedDelta, Slice } from '../core/comparison.ts';
import type { Confirmed } from './confirmation.ts';
import type { Evidence, TagMembers } from './evidence.ts';
import type { PairedCase } from './pairing.ts';
import type { Repeated } from './repeated-answers.ts';
import type { CasePrior } from './screen.ts';
import type { Sensitivity } from './sensitivity.ts';
import type { Sessions } from './sessions.ts';

/** What was found among the paired cases. */
export interface Findings {
  readonly pairs: readonly PairedCase[];
  readonly prior: CasePrior;
  readonly tags: readonly TagMembers[];
  readonly evidence: Evidence;
  /** Both releases today, where a control was run. */
  readonly today: { readonly pairs: readonly PairedCase[]; readonly evidence: Evidence } | null;
  readonly contrasts: Contrasts;
  /** null = the arms were run together. */
  readonly sessions: Sessions | null;
  readonly sensitivity: Sensitivity;
  /** Given where every answer repeats the baseline's word for word. */
  readonly repeated: Repeated | null;
  readonly confirmed: Confirmed;
  /** Cases that looked worse and passed the trials that sort them. */
  readonly cleared: ReadonlySet<string>;
  readonly cases: readonly PairedDelta[];
  readonly slices: readonly Slice[];
  readonly notes: readonly string[];
}

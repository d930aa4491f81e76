// The verdict where a control of today can be run: stored runs only screen, and the control alone can call a release regressed.

import type { Contrasts } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { collapsed } from './collapse.ts';
import type { Confirmed } from './confirmation.ts';
import { worldStands } from './control.ts';
import type { Evidence } from './evidence.ts';
import { type Control, MIN_CASES_FOR_UNCHANGED } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { changeUnseen, type Repeated } from './repeated-answers.ts';
import type { Sessions } from './sessions.ts';
import { LOOKS_WORSE } from './undecided.ts';
import { decide, setDropP, type VerdictRule } from './verdict.ts';

/** Of the rate at which "unchanged" may be wrong, the share of the control; the stored runs have the rest. */
const CONTROL_SHARE = 0.6;

/** Everything the verdict rests on. */
export interface Controlled {
  /** Against the stored runs, session noise counted. */
  readonly stored: { readonly pairs: readonly PairedCase[]; readonly evidence: Evidence };
  /** Both releases today; null = no control was run. */
  readonly today: { readonly pairs: readonly PairedCase[]; readonly evidence: Evidence } | null;
  readonly contrasts: Contrasts;
  readonly sessions: Sessions | null;
  readonly repeated: Repeated | null;
  readonly confirmed: Confirmed;
  readonly control: Control;
  readonly policy: Policy;
}

/** The decision, and which trials it rests on. */
export interface ControlledRuling extends VerdictRule {
  readonly basis: 'stored' | 'today';
  /** p of a drop on the trials that would show one: those of the control where it was run. */
  readonly pDrop: number;
}

/** First match wins, as for any comparison; a drop against stored runs only is never more than suspected. */
export function decideControlled(c: Controlled): ControlledRuling {
  const { stored, today, confirmed, control, sessions, policy } = c;
  const open: ControlledRuling = {
    verdict: 'inconclusive',
    rule: 'no-rule',
    tolerated: false,
    basis: covers(c) ? 'today' : 'stored',
    pDrop: today === null ? stored.evidence.permuted.less : today.evidence.pRegression,
  };
  if (today !== null) {
    const ruling = decide(today.pairs, today.evidence, confirmed, {
      ...policy,
      alphaAggregate: control.level,
    });
    if (ruling.verdict === 'regressed' || ruling.tolerated) return { ...open, ...ruling };
    if (ruling.verdict === 'improved' && covers(c)) return { ...open, ...ruling };
  } else if (confirmed.listed.length > 0) {
    return { ...open, verdict: 'regressed', rule: 'single-less' };
  } else if (setDropP(confirmed) <= control.level) {
    return { ...open, verdict: 'regressed', rule: 'set-less' };
  }
  const unsettled = today === null && control.impossible !== null && control.sharedApplication === true;
  if (
    unsettled &&
    sessions !== null &&
    stored.evidence.pRegression <= policy.alphaAggregate &&
    collapsed(stored.pairs, sessions, stored.evidence)
  )
    return { ...open, verdict: 'regressed', rule: 'collapse' };
  if (stored.pairs.length >= MIN_CASES_FOR_UNCHANGED && shownUnchanged(c))
    return { ...open, verdict: 'unchanged', rule: 'interval-inside-margin' };
  // Without a control, better than the stored runs by more than sessions explain.
  if (today === null && open.pDrop > LOOKS_WORSE && stored.evidence.pImprovement <= policy.alphaAggregate)
    return { ...open, verdict: 'improved', rule: 'aggregate-greater' };
  return open;
}

/** Did the control cover the whole suite, and not only what looked worse? */
function covers({ stored, today }: Controlled): boolean {
  return today !== null && today.pairs.length === stored.pairs.length;
}

/** "No change" within the margin: by the control, or by stored runs that the control does not contradict. */
function shownUnchanged(c: Controlled): boolean {
  const { stored, today, repeated, policy, contrasts } = c;
  const level = (1 - policy.confidence) / 2;
  const quiet = today === null || today.evidence.pRegression > LOOKS_WORSE;
  if (repeated !== null && quiet && changeUnseen(repeated, level) < policy.margin) return true;
  const within = ({ change }: Evidence, at: number): boolean =>
    change.pAtMost(-policy.margin) <= at && change.pAtLeast(policy.margin) <= at;
  if (today === null) return stored.evidence.permuted.less > LOOKS_WORSE && within(stored.evidence, level);
  if (covers(c) && within(today.evidence, CONTROL_SHARE * level)) return true;
  return (
    today.evidence.pRegression > LOOKS_WORSE &&
    worldStands(contrasts.world) &&
    within(stored.evidence, (1 - CONTROL_SHARE) * level)
  );
}

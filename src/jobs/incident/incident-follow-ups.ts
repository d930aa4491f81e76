// What follows from the facts of an incident: each action names the fact that asks for it.

import type { FollowUp, IncidentReport } from '../../core/index.ts';
import { hoursText } from '../../report/index.ts';

/** A gap beyond this asks for an action of its own. */
const ACCEPTABLE_GAP_HOURS = 4;

type Facts = Omit<IncidentReport, 'followUps' | 'unknowns'>;

export function followUps(facts: Facts): FollowUp[] {
  return [
    ...repair(facts),
    ...detection(facts),
    ...prevention(facts),
    ...growth(facts),
    {
      kind: 'learn',
      action: `evaluate the next model version every quarter, before the provider retires this one: lastgood compare ${facts.suite} --baseline-release FILE --release FILE`,
      why: 'a change that is planned and compared beforehand needs no post-mortem',
    },
  ];
}

function repair({ rollback, suite, bad, good }: Facts): FollowUp[] {
  const command = `lastgood rollback ${suite} --from ${bad.id} --baseline ${good.id}`;
  if (rollback === null)
    return [
      {
        kind: 'repair',
        action: `find and verify what to restore: ${command}`,
        why: 'the ledger holds no rollback decision for this regression',
      },
    ];
  const { decision } = rollback;
  if (decision.decision === 'verified') {
    const state = decision.target?.dependents ?? [];
    return state.map((d) => ({
      kind: 'repair',
      action: `rebuild or check ${d.name}${d.check === undefined ? '' : `: ${d.check}`}`,
      why: `it was built from ${d.builtFrom}, which the rollback changes`,
    }));
  }
  return [
    {
      kind: 'repair',
      action:
        decision.decision === 'unverified'
          ? `verify the target before trusting it: ${command}`
          : `add a release that can be gone back to, then ${command}`,
      why: `the last rollback decision is "${decision.decision}": ${decision.reason}`,
    },
  ];
}

function detection(facts: Facts): FollowUp[] {
  const { detection: d, comparison, suite } = facts;
  const out: FollowUp[] = [];
  const first = d.signals[0];
  const gap = d.hoursToDetect;
  if (first === undefined)
    out.push({
      kind: 'detect',
      action: `add cases or graders that see this change; until then no signal of suite ${suite} covers it`,
      why: 'no gate rule, tag or channel moved far enough to be noticed',
    });
  else if (gap === null && d.alertAt === null)
    out.push({
      kind: 'detect',
      action:
        'write down when the incident began and when it was noticed (--since, --detected), so that the gap can be judged',
      why: 'the detection gap is not known',
    });
  if (gap !== null && gap > ACCEPTABLE_GAP_HOURS)
    out.push({
      kind: 'detect',
      action:
        d.hoursBetweenRuns === null || d.hoursBetweenRuns > ACCEPTABLE_GAP_HOURS
          ? `run the suite on a schedule that is shorter than the gap: lastgood nightly ${suite} --release FILE --cron "0 */${ACCEPTABLE_GAP_HOURS} * * *"`
          : 'make the signal reach a person: the runs were frequent enough, so the alert was not sent, not seen or not believed',
      why: `${hoursText(gap)} passed before anybody noticed; ${first === undefined ? 'no signal of the suite covers it' : `run ${first.snapshot} shows it at once (${first.name})`}`,
    });
  const quiet = d.signals.filter((s) => s.strength === 'warn' && s.name.startsWith('channel:'));
  if (quiet.length > 0) {
    const names = quiet.map((s) => s.name.slice(8));
    out.push({
      kind: 'detect',
      action: `let a shift of ${names.join(' and ')} fail the gate: ${names.map((n) => `policy.channels.${n}: fail`).join(', ')} in the suite`,
      why: `it moved and only warned: ${quiet.map((s) => s.message.split(':')[0]).join('; ')}`,
    });
  }
  out.push(...pattern(facts));
  if (comparison.candidate.cases > 0 && comparison.candidate.trials <= comparison.candidate.cases)
    out.push({
      kind: 'detect',
      action: 'run 3 trials a case, so that single cases can be distinguished from chance',
      why: `${comparison.candidate.trials} trials over ${comparison.candidate.cases} cases: the suite as a whole is judged, single cases are not`,
    });
  return out;
}

/** A grader that would fail on the pattern itself: answers that became much shorter or longer, or all the same. */
function pattern({ behaviour: b, comparison: c }: Facts): FollowUp[] {
  const { length } = c.metrics;
  const change = length.verdict === 'shifted' ? (length.change ?? 0) : 0;
  if (b.usualLength === null || Math.abs(change) < 0.3) return [];
  const grader =
    change < 0
      ? `min-length: ${Math.floor(b.usualLength.p05)}`
      : `max-length: ${Math.ceil(b.usualLength.p95)}`;
  return [
    {
      kind: 'detect',
      action: `watch for the pattern itself: try the grader { ${grader} } on the suite's cases, with required: false until it has proven itself`,
      why: `19 of 20 good answers were ${change < 0 ? 'at least that long' : 'no longer than that'}; ${length.reason.split(':')[0]}`,
    },
  ];
}

function prevention({ configuration: c, comparison, suite }: Facts): FollowUp[] {
  const out: FollowUp[] = [];
  const { pin, model, release } = c.bad;
  if (pin.state !== 'pinned')
    out.push({
      kind: 'prevent',
      action: `pin the model of release ${release}${model === null ? '' : ` (now "${model}")`} to a dated version, and run with --require-pinned`,
      why: pin.reason,
    });
  else if (comparison.attribution.layersChanged.length === 0)
    out.push({
      kind: 'prevent',
      action: 'keep a second route verified as a way out, and ask the provider what changed',
      why: `release ${release} did not change and its model is pinned, yet its behaviour moved (${comparison.attribution.diagnosis})`,
    });
  if (comparison.attribution.layersChanged.length > 0)
    out.push({
      kind: 'prevent',
      action: `gate every change of ${comparison.attribution.layersChanged.join(', ')} before it ships: lastgood check ${suite} --release FILE`,
      why: `the two releases differ in ${comparison.attribution.layersChanged.join(', ')}, and the suite shows the drop`,
    });
  return out;
}

function growth({ coverage, comparison, bad, good, suite }: Facts): FollowUp[] {
  const out: FollowUp[] = [];
  if (coverage.drafts.length > 0)
    out.push({
      kind: 'learn',
      action: `add the ${coverage.drafts.length} drafted cases to suite ${suite} after reading each: lastgood incident --good ${good.id} --bad ${bad.id} --cases-out incident-cases.jsonl`,
      why: coverage.caught
        ? 'as critical cases a return of this failure fails the gate on its own'
        : 'the suite did not catch this; these inputs would have to be in it',
    });
  if (comparison.coverage.missing.candidate.missing > 0)
    out.push({
      kind: 'learn',
      action: 'find out why trials have no grade',
      why: comparison.coverage.sentence,
    });
  return out;
}

// The commands of a playbook, with the names, paths and releases of this feature. Pure.

import { shortHash } from '../../base/index.ts';
import { shellWord } from '../../base/shell-word.ts';
import type { FlagValue, Playbook, PlaybookSection, PlaybookStep, ReleaseTicket } from '../../core/index.ts';
import { isOver } from '../../rollout/rollout-state.ts';

/** Stands in the log where a rehearsed command needs a name; a dry run writes none. */
const REHEARSED_BY = 'playbook check';

/** What is known before the commands can be written. */
export interface StepFacts
  extends Pick<
    Playbook,
    | 'feature'
    | 'environment'
    | 'release'
    | 'before'
    | 'control'
    | 'candidate'
    | 'suite'
    | 'rollout'
    | 'applied'
    | 'monitors'
    | 'target'
  > {
  readonly parsed: ReleaseTicket;
  /** Ticket as commands take it: the feature's name, or its file. */
  readonly ticketWord: string;
  readonly fallbacks: readonly Pick<Playbook['fallbacks'][number], 'name' | 'release' | 'step'>[];
  /** `--db PLACE`, where the project's settings do not name the ledger already. */
  readonly ledger: readonly string[];
  /** When the feature last went back to an earlier release, ISO; null = never. */
  readonly wentBack: string | null;
}

interface Asked {
  readonly id: string;
  readonly what: string;
  readonly words: readonly string[];
  readonly who?: PlaybookStep['who'];
  readonly replace?: PlaybookStep['replace'];
  /** Left out by the rehearsal. */
  readonly output?: readonly string[];
  readonly works?: readonly number[];
}

/** Every command in the order in which it is needed. */
export function playbookSteps(facts: StepFacts): readonly PlaybookStep[] {
  const reading = (section: PlaybookSection, asked: Asked): PlaybookStep => stepOf(facts, section, asked, []);
  const dry = (section: PlaybookSection, asked: Asked): PlaybookStep =>
    stepOf(facts, section, asked, ['--dry-run']);
  /** Commands that write into a log who decided and why. */
  const deciding = (section: PlaybookSection, asked: Asked & { readonly why: string }): PlaybookStep =>
    stepOf(
      facts,
      section,
      {
        ...asked,
        words: [...asked.words, '--environment', facts.environment, '--why', `playbook: ${asked.why}`],
      },
      ['--by', REHEARSED_BY, '--dry-run'],
    );
  return [
    ...detect(facts, { reading, dry }),
    ...triage(facts, reading),
    ...reduceHarm(facts, deciding),
    ...restore(facts, deciding),
    ...investigate(facts, { reading, dry }),
    ...afterwards(facts, { reading, dry, deciding }),
  ];
}

type Make = (section: PlaybookSection, asked: Asked) => PlaybookStep;
type Decide = (section: PlaybookSection, asked: Asked & { readonly why: string }) => PlaybookStep;

function stepOf(
  { ledger }: StepFacts,
  section: PlaybookSection,
  { id, what, words, who = null, replace = {}, output = [], works = [0] }: Asked,
  rehearse: readonly string[],
): PlaybookStep {
  const whole = [...words, ...output, ...ledger];
  return {
    ...{ id: `${section}.${id}`, section, what, who, words: whole },
    command: ['lastgood', ...whole].map(shellWord).join(' '),
    changes: rehearse.length > 0,
    ...{ replace, rehearsal: [...words, ...ledger, ...rehearse], works },
  };
}

function detect(
  { feature, environment, monitors, rollout, applied, suite, ticketWord }: StepFacts,
  { reading, dry }: { readonly reading: Make; readonly dry: Make },
): PlaybookStep[] {
  const steps: PlaybookStep[] = [];
  if (monitors.length > 0)
    steps.push(
      dry('detect', {
        ...{ id: 'monitor', what: 'has a signal of production drifted (exit 1: yes, 3: cannot tell)' },
        ...{ words: ['monitor', ticketWord], works: [0, 1] },
      }),
    );
  steps.push(
    reading('detect', {
      ...{ id: 'signals', what: 'errors, refusals, latency, cost and what users did, beside the day before' },
      words: ['signals', feature, '--since', '24h'],
    }),
    reading('detect', {
      ...{
        id: 'status',
        what: 'the nightly runs: open regressions, and whether a valid run happened lately',
      },
      words: ['status', suite.file],
    }),
  );
  if (rollout !== null)
    steps.push(
      reading('detect', {
        ...{ id: 'rollout', what: 'the newest rollout, with both readings of every gate (exit 1: stopped)' },
        ...{ words: ['rollout', 'status', feature, '--environment', environment], works: [0, 1] },
      }),
    );
  if (applied !== null)
    steps.push(
      reading('detect', {
        ...{ id: 'applied', what: 'the newest applied rollback, and which signals are back (exit 1: held)' },
        ...{ words: ['rollback', 'status', feature, '--environment', environment], works: [0, 1] },
      }),
    );
  return steps;
}

function triage({ feature, environment }: StepFacts, reading: Make): PlaybookStep[] {
  return [
    reading('triage', {
      ...{ id: 'timeline', what: 'what moved first, and what was changed before it' },
      words: ['timeline', feature, '--since', '7d'],
    }),
    ...(['template', 'segment'] as const).map((by) =>
      reading('triage', {
        ...{ id: by, what: `which ${by} is affected` },
        words: ['signals', feature, '--since', '24h', '--by', by],
      }),
    ),
    reading('triage', {
      ...{ id: 'user', what: 'which release a single user gets' },
      words: [
        'flag',
        'get',
        'ai.release',
        '--feature',
        feature,
        '--environment',
        environment,
        '--key',
        'USER',
      ],
      replace: { USER: 'the targeting key of that user' },
    }),
  ];
}

/** What protects users at once, whatever the cause is. */
function reduceHarm({ feature, parsed, rollout }: StepFacts, deciding: Decide): PlaybookStep[] {
  const first = parsed.firstRollback?.flags ?? {};
  const flag = (id: string, key: string, value: FlagValue, more: Pick<Asked, 'what' | 'who'>): PlaybookStep =>
    deciding('roll-back', {
      ...more,
      ...{ id, words: ['flag', 'set', key, String(value), '--feature', feature] },
      why: `${key} ${String(value)}`,
    });
  const steps = Object.entries(first).map(([key, value]) =>
    flag(`first.${key}`, key, value, {
      who: 'incident-commander',
      what: `first rollback: ${key} to ${value}`,
    }),
  );
  if (first['ai.action.mode'] !== 'human')
    steps.push(
      flag('review', 'ai.action.mode', 'human', {
        who: 'risk',
        what: 'a person does every action; add --segment NAME for a part of the traffic',
      }),
    );
  if (first['ai.tools.enabled'] !== false)
    steps.push(
      flag('tools-off', 'ai.tools.enabled', false, {
        who: 'engineering',
        what: 'tools off; answers that only read stay',
      }),
    );
  steps.push(
    deciding('roll-back', {
      ...{ id: 'stop', who: 'incident-commander', words: ['stop', feature], why: 'stop the agents' },
      what: 'stop its agents, also in the middle of a run',
    }),
  );
  if (rollout !== null && !isOver(rollout.status))
    steps.push(
      deciding('roll-back', {
        ...{ id: 'pause', who: 'product', words: ['rollout', 'pause', feature], why: 'pause the rollout' },
        what: `keep the candidate at ${rollout.percent}% while the cause is looked for`,
      }),
      deciding('roll-back', {
        ...{
          id: 'abort',
          who: 'engineering',
          words: ['rollout', 'abort', feature],
          why: 'abort the rollout',
        },
        what: 'end the rollout: everybody gets the control',
      }),
    );
  return steps;
}

function restore(
  { feature, release, before, target, fallbacks }: StepFacts,
  deciding: Decide,
): PlaybookStep[] {
  const steps: PlaybookStep[] = [];
  if (release !== null)
    steps.push(
      deciding('roll-back', {
        ...{ id: 'apply', who: 'engineering', why: 'restore what was good' },
        words: ['rollback', feature, '--apply'],
        what: 'restore the verified target in stages and watch the signals that moved; without one, search one first (paid calls)',
      }),
    );
  if (target !== null && target.fingerprint !== release?.fingerprint)
    steps.push(
      deciding('roll-back', {
        ...{ id: 'target', who: 'engineering', why: 'restore the verified target' },
        words: ['registry', 'set', feature, shortHash(target.fingerprint)],
        what: `everybody at once gets the last verified target, ${target.release}`,
      }),
    );
  else if (before !== null)
    steps.push(
      deciding('roll-back', {
        ...{ id: 'before', who: 'engineering', why: 'back to the release before' },
        words: ['registry', 'restore', feature],
        what: `everybody at once gets the release before, ${before.name}${before.fingerprint === target?.fingerprint ? '' : '; nothing verified that it works today'}`,
      }),
    );
  for (const { name, release: file, step } of fallbacks)
    if (file !== null && step !== null)
      steps.push(
        deciding('roll-back', {
          ...{ id: step.slice('roll-back.'.length), who: 'engineering', why: `fallback ${name}` },
          words: ['registry', 'set', feature, file.file],
          what: `fallback: ${name}`,
        }),
      );
  return steps;
}

function investigate(
  { feature, release, suite, control, candidate }: StepFacts,
  { reading, dry }: { readonly reading: Make; readonly dry: Make },
): PlaybookStep[] {
  const named = suite.name === null ? [] : [suite.name];
  const live = [control, candidate].find(
    (r) => r.fingerprint !== null && r.fingerprint === release?.fingerprint,
  );
  const steps: PlaybookStep[] = [];
  if (control.problem === null && candidate.problem === null)
    steps.push(
      reading('investigate', {
        ...{ id: 'layers', what: 'what differs between the control and the candidate' },
        words: ['fingerprint', control.file, candidate.file],
      }),
    );
  for (const name of named)
    steps.push(
      reading('investigate', {
        ...{ id: 'diff', what: 'the newest run beside the baseline, case by case (exit 1: regressed)' },
        ...{ words: ['diff', 'baseline', 'latest', '--suite', name], works: [0, 1] },
      }),
      reading('investigate', {
        ...{ id: 'history', what: 'since when, and which layer changed there' },
        words: ['history', name],
      }),
    );
  if (live !== undefined)
    steps.push(
      dry('investigate', {
        ...{ id: 'run', who: 'engineering', what: 'run the suite again on what is live; calls are paid' },
        words: ['run', suite.file, '--release', live.file],
      }),
    );
  if (release !== null)
    steps.push(
      reading('investigate', {
        ...{ id: 'decisions', what: 'what the release in force decided in production, to review or correct' },
        words: ['decisions', feature, '--release', live?.file ?? shortHash(release.fingerprint)],
      }),
    );
  return steps;
}

function afterwards(
  { feature, parsed, suite, wentBack, control }: StepFacts,
  make: { readonly reading: Make; readonly dry: Make; readonly deciding: Decide },
): PlaybookStep[] {
  const { reading, dry, deciding } = make;
  const steps: PlaybookStep[] = [];
  const named = suite.name === null ? [] : ['--suite', suite.name];
  steps.push(
    dry('communicate', {
      ...{ id: 'event', who: 'incident-commander', what: 'put the incident on the timeline' },
      words: ['event', 'add', '--kind', 'incident', ...named, '--text', `incident of ${feature}: WHAT`],
      replace: { WHAT: 'what users see, in one sentence' },
    }),
    reading('post-mortem', {
      ...{ id: 'incident', what: 'the post-mortem as a draft, and the cases that the suite lacks' },
      words: ['incident', ...named, '--feature', feature],
      output: ['--output', 'post-mortem.md', '--cases-out', 'incident-cases.jsonl'],
      // 3: the newest run is not worse than the baseline, as it should be while there is no incident.
      works: [0, 3],
    }),
  );
  if (wentBack !== null)
    steps.push(
      reading('post-mortem', {
        ...{ id: 'residue', what: 'which user signals have not returned since the last rollback' },
        ...{ words: ['residue', feature, '--rollback', wentBack], works: [0, 1] },
      }),
    );
  steps.push(
    deciding('post-mortem', {
      ...{ id: 'start', who: 'incident-commander', words: ['start', feature], why: 'the incident is over' },
      what: 'let its agents run again',
    }),
  );
  for (const key of new Set([
    ...Object.keys(parsed.firstRollback?.flags ?? {}),
    'ai.action.mode',
    'ai.tools.enabled',
  ])) {
    const value = parsed.flags[key];
    if (value !== undefined)
      steps.push(
        deciding('post-mortem', {
          ...{ id: `flag.${key}`, who: 'engineering', why: 'the incident is over' },
          words: ['flag', 'set', key, String(value), '--feature', feature],
          what: `set ${key} back to ${String(value)}, as the ticket has it`,
        }),
      );
  }
  steps.push(
    dry('post-mortem', {
      ...{ id: 'drill', who: 'engineering', what: 'rehearse the rollback again, and this playbook with it' },
      words: ['drill', suite.file, '--release', control.file],
    }),
  );
  return steps;
}

// lastgood rollout: a candidate gets more of the traffic, stage by stage, as its gates allow.

import { InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import type { AppliedState } from '../../jobs/apply/applied-report.ts';
import type { RolloutDesk } from '../../jobs/rollout/apply-effects.ts';
import type { RolloutDecision } from '../../jobs/rollout/decide-rollout.ts';
import type { RolloutState } from '../../jobs/rollout/rollout-report.ts';
import type { Waivable } from '../../jobs/rollout/start-rollout.ts';
import type { Register } from '../options/register.ts';
import { withRollouts } from '../options/rollout-desk.ts';
import { type CommonOptions, printJson, reading, wholeNumber } from '../options/session.ts';
import {
  type DecisionOptions,
  decider,
  deciding,
  type PlaceOptions,
  placed,
  withShippingLog,
} from '../options/shipping-options.ts';
import { trustOptions } from '../options/trust-options.ts';
import { styleOf } from '../terminal/io.ts';

const WAIVERS = ['ticket', 'suite', 'target', 'drill'] as const;
const WEBHOOK = [
  '--webhook <url>',
  'where alerts are posted, or env:NAME (default: LASTGOOD_WEBHOOK_URL)',
] as const;

interface StepOptions extends PlaceOptions {
  readonly webhook?: string;
  readonly by?: string;
}

function waivers(text: string, before: readonly Waivable[] | undefined): readonly Waivable[] {
  const found = WAIVERS.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${WAIVERS.join(', ')}`);
  return [...(before ?? []), found];
}

export const registerRollout: Register = (program, io, exit) => {
  const rollout = program
    .command('rollout')
    .description('bring a candidate to users in stages, by the gates of its release ticket');

  const show = async (state: RolloutState, options: CommonOptions): Promise<void> => {
    const [{ rolloutReport }, { rolloutText }] = await Promise.all([
      import('../../jobs/rollout/rollout-report.ts'),
      import('../../report/text/rollout-text.ts'),
    ]);
    const report = rolloutReport(state);
    if (options.json) printJson(io, report);
    else io.out(rolloutText(report, styleOf(io)));
  };

  const printAll = async (
    states: readonly RolloutState[],
    rollbacks: readonly AppliedState[],
  ): Promise<void> => {
    const [{ rolloutReport }, { appliedReport }] = await Promise.all([
      import('../../jobs/rollout/rollout-report.ts'),
      import('../../jobs/apply/applied-report.ts'),
    ]);
    printJson(io, {
      ...{ schemaVersion: 1, kind: 'rollouts', rollouts: states.map(rolloutReport) },
      rollbacks: rollbacks.map(appliedReport),
    });
  };

  deciding(
    trustOptions(
      rollout
        .command('start')
        .argument('<feature>', 'ticket file, or name under features/')
        .description('check the conditions, name the candidate, and begin the first stage')
        .option(
          '--waive <condition>',
          `start although a condition is open: ${WAIVERS.join(', ')} (repeatable; stays on record)`,
          waivers,
        )
        .option(...WEBHOOK),
    ),
  ).action(
    async (feature: string, options: DecisionOptions & StepOptions & { waive?: readonly Waivable[] }) => {
      const { startRollout } = await import('../../jobs/rollout/start-rollout.ts');
      const by = await decider(io, options);
      await withRollouts(io, options, async (desk, production) => {
        const state = await startRollout(desk, production, {
          ...{ feature, environment: options.environment ?? DEFAULT_ENVIRONMENT, by, why: options.why },
          ...{ waive: options.waive ?? [], cwd: io.cwd },
        });
        await show(state, options);
      });
    },
  );

  placed(
    rollout
      .command('status')
      .argument('<feature>')
      .description('where it stands, what holds it, and both readings of every gate; nothing is changed'),
  ).action(async (feature: string, options: PlaceOptions) => {
    const { knownRollout } = await import('../../jobs/rollout/rollout-log.ts');
    await withShippingLog(io, options, async ({ work }) => {
      const state = await knownRollout(work.store, placeOf(feature, options));
      await show(state, options);
      exit(isStopped(state) ? 1 : 0);
    });
  });

  placed(
    rollout
      .command('step')
      .argument('[feature]', 'default every rollout and applied rollback that is under way')
      .description(
        'read new observations, let the gates decide, and do it; can be repeated (exit 1 when it was stopped). `lastgood serve` does this every minute',
      )
      .option('--by <name>', 'who asks, for the log', 'rollout step')
      .option(...WEBHOOK),
  ).action(async (feature: string | undefined, options: StepOptions) => {
    const [{ stepRollout }, { placesUnderWay }] = await Promise.all([
      import('../../jobs/rollout/step-rollout.ts'),
      import('../../jobs/rollout/rollout-log.ts'),
    ]);
    const by = options.by ?? 'rollout step';
    await withRollouts(io, options, async (desk, production) => {
      const { environment } = placeOf('', options);
      const places =
        feature === undefined
          ? await placesUnderWay(desk.work.store, environment)
          : [placeOf(feature, options)];
      const applied = feature === undefined ? await appliedPlaces(desk, environment) : [];
      const states: RolloutState[] = [];
      const rollbacks: AppliedState[] = [];
      let failed = false;
      // One that cannot be stepped must not keep the others from their rollback.
      const tried = async <T>(what: string, step: Promise<T>, into: T[]): Promise<void> => {
        const state = await (places.length + applied.length === 1
          ? step
          : step.catch((error: unknown) => warned(desk, what, error)));
        if (state === null) failed = true;
        else into.push(state);
      };
      for (const place of places)
        await tried(`rollout of ${place.feature}`, stepRollout(desk, production, place, by), states);
      if (applied.length > 0) {
        const { stepApplied } = await import('../../jobs/apply/step-applied.ts');
        for (const place of applied)
          await tried(
            `rollback of ${place.feature}`,
            stepApplied(desk, production, { ...place, by }),
            rollbacks,
          );
      }
      if (feature === undefined && options.json) await printAll(states, rollbacks);
      else {
        for (const state of states) await show(state, options);
        for (const state of rollbacks)
          await (await import('./rollback-apply.ts')).showApplied(io, state, options);
      }
      if (states.length + rollbacks.length === 0 && !failed && !options.json)
        io.out(`No rollout is under way in ${environment}.\n`);
      const isHeld = rollbacks.some((r) => r.status === 'held' || r.status === 'interrupted');
      exit(failed ? 4 : states.some(isStopped) || isHeld ? 1 : 0);
    });
  });

  const decision = (name: RolloutDecision, description: string): void => {
    const command = deciding(
      rollout
        .command(name)
        .argument('<feature>')
        .description(description)
        .option(...WEBHOOK),
    );
    if (name === 'promote')
      command.option('--override <reason>', 'promote although the registry refuses the release');
    command.action(
      async (feature: string, options: DecisionOptions & StepOptions & { override?: string }) => {
        const { decideRollout } = await import('../../jobs/rollout/decide-rollout.ts');
        const by = await decider(io, options);
        await withRollouts(io, options, async (desk, production) => {
          const place = placeOf(feature, options);
          const state = await decideRollout(desk, production, {
            ...{ ...place, decision: name, by, why: options.why, override: options.override },
          });
          await show(state, options);
        });
      },
    );
  };
  decision('pause', 'stay at this percentage until it is resumed; a rollback still happens');
  decision('resume', 'begin the present stage again, with fresh evidence');
  decision('abort', 'back to 0% and end the rollout');
  decision('promote', 'after the last stage: point the feature to the candidate');

  reading(
    rollout
      .command('plan')
      .argument('<feature>', 'ticket file, or name under features/')
      .description('which stage can find what; nothing is changed')
      .requiredOption('--requests-per-day <n>', 'of the whole feature', wholeNumber('--requests-per-day', 1)),
  ).action(async (feature: string, options: CommonOptions & { requestsPerDay: number }) => {
    const [{ planRollout }, { planText }] = await Promise.all([
      import('../../jobs/rollout/plan-rollout.ts'),
      import('../../report/text/rollout-text.ts'),
    ]);
    await withRollouts(io, options, async ({ work }, production) => {
      const { requestsPerDay } = options;
      const plan = await planRollout(production, {
        feature,
        requestsPerDay,
        cwd: io.cwd,
        now: work.clock.now(),
      });
      if (options.json) printJson(io, plan);
      else io.out(planText(plan));
    });
  });

  placed(
    rollout
      .command('replay')
      .argument('<feature>')
      .description(
        'build the state from the log alone, and compare it with the flag in force (exit 3 where they differ)',
      ),
  ).action(async (feature: string, options: PlaceOptions) => {
    const [{ replayJob }, { replayText }] = await Promise.all([
      import('../../jobs/rollout/replay-rollout.ts'),
      import('../../report/text/rollout-text.ts'),
    ]);
    await withShippingLog(io, options, async ({ work, shipping }) => {
      const replay = await replayJob(work.store, shipping, placeOf(feature, options));
      if (options.json) printJson(io, replay);
      else io.out(replayText(replay));
      exit(replay.agrees ? 0 : 3);
    });
  });
};

function placeOf(
  feature: string,
  options: PlaceOptions,
): { readonly feature: string; readonly environment: string } {
  return { feature, environment: options.environment ?? DEFAULT_ENVIRONMENT };
}

const isStopped = ({ status }: RolloutState): boolean =>
  status === 'paused' || status === 'frozen' || status === 'rolled-back';

/** Applied rollbacks that are under way; loaded only where there may be any. */
async function appliedPlaces({ work }: RolloutDesk, environment: string) {
  const { appliedUnderWay } = await import('../../engine/records/applied-log.ts');
  return (await appliedUnderWay(work.store, environment)).map(({ spec }) => ({
    feature: spec.feature,
    environment: spec.environment,
  }));
}

/** Throws again what is not a message for a person. */
function warned({ work }: RolloutDesk, what: string, error: unknown): null {
  if (!(error instanceof LastgoodError)) throw error;
  work.progress.warn({
    code: error.code,
    message: `the ${what} could not be stepped: ${error.message}`,
    hint: error.hint ?? `lastgood rollout step`,
  });
  return null;
}

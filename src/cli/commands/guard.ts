// lastgood stop, start, approvals and guard: what agents may do, decided by people, effective while they run.

import { LastgoodError } from '../../base/errors.ts';
import { DEFAULT_ENVIRONMENT, EVERY_FEATURE } from '../../core/shipping.ts';
import { ledgerOf } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { printJson, wholeNumber } from '../options/session.ts';
import {
  type DecisionOptions,
  decider,
  deciding,
  type PlaceOptions,
  placed,
  printDecided,
  rehearsable,
  withShippingLog,
} from '../options/shipping-options.ts';
import { styleOf } from '../terminal/io.ts';

interface StopOptions extends DecisionOptions {
  readonly all?: boolean;
  readonly agent?: string;
}

function featureOf(command: string, feature: string | undefined, all: boolean | undefined): string {
  if (all === true && feature === undefined) return EVERY_FEATURE;
  if (all !== true && feature !== undefined) return feature;
  throw new LastgoodError({
    code: 'BAD_OPTION',
    message: `\`${command}\` takes either a feature or --all`,
    hint: `lastgood ${command} FEATURE, or lastgood ${command} --all`,
  });
}

export const registerStop: Register = (program, io) => {
  for (const [word, stopped, description] of [
    ['stop', true, 'stop the agents of a feature at once, also in the middle of a run'],
    ['start', false, 'end a stop'],
  ] as const)
    rehearsable(
      deciding(
        program
          .command(word)
          .argument('[feature]')
          .description(description)
          .option('--all', 'every feature')
          .option('--agent <name>', 'only this agent'),
      ),
    ).action(async (asked: string | undefined, options: StopOptions) => {
      const feature = featureOf(word, asked, options.all);
      const [{ changeStop }, { stopText }] = await Promise.all([
        import('../../jobs/guard/stop.ts'),
        import('../../report/text/guard-text.ts'),
      ]);
      const by = await decider(io, options);
      await withShippingLog(io, options, async ({ work, shipping }) => {
        const report = await changeStop(work.mask, shipping, {
          ...{ feature, stopped, by, why: options.why, agent: options.agent, now: work.clock.now() },
          environment: options.environment ?? DEFAULT_ENVIRONMENT,
        });
        const text = stopText(report, styleOf(io));
        printDecided(io, options, { document: { kind: 'stop', ...report }, text });
      });
    });
};

export const registerApprovals: Register = (program, io) => {
  const approvals = program.command('approvals').description('actions of agents that wait for a person');

  placed(
    approvals
      .command('list', { isDefault: true })
      .description('those that wait')
      .option('--all', 'also answered, used and expired ones'),
  ).action(async (options: PlaceOptions & { all?: boolean }) => {
    const [{ withGuard }, { approvalsText }] = await Promise.all([
      import('../../jobs/guard/open-guard.ts'),
      import('../../report/text/guard-text.ts'),
    ]);
    await withGuard(await ledgerOf(io, options), async (guard) => {
      const found = (await guard.approvals({ now: Date.now() })).filter(
        (a) =>
          (options.all === true || a.state === 'pending') &&
          (options.environment === undefined || a.environment === options.environment),
      );
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'approvals', approvals: found });
      else io.out(approvalsText(found, styleOf(io)));
    });
  });

  for (const [word, granted, description] of [
    ['grant', true, 'let the agent do it, once, within a day'],
    ['deny', false, 'refuse it'],
  ] as const)
    deciding(approvals.command(word).argument('<id>').description(description)).action(
      async (id: string, options: DecisionOptions) => {
        const [{ answerApproval, withGuard }, { approvalsText }] = await Promise.all([
          import('../../jobs/guard/open-guard.ts'),
          import('../../report/text/guard-text.ts'),
        ]);
        const { secretMask, secretValues } = await import('../../base/secrets.ts');
        const by = await decider(io, options);
        const mask = secretMask(secretValues(io.environment));
        await withGuard(await ledgerOf(io, options), async (guard) => {
          const request = { id, granted, by, why: options.why, now: new Date() };
          const approval = await answerApproval(mask, guard, request);
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'approval', ...approval });
          else io.out(approvalsText([approval], styleOf(io)));
        });
      },
    );
};

export const registerGuard: Register = (program, io) => {
  const guard = program.command('guard').description('what agents did and may do');

  placed(guard.command('status').description('the stops in force')).action(async (options: PlaceOptions) => {
    const [{ stopsIn }, { stopsText }] = await Promise.all([
      import('../../jobs/guard/stop.ts'),
      import('../../report/text/guard-text.ts'),
    ]);
    await withShippingLog(io, options, async ({ shipping }) => {
      const stops = await stopsIn(shipping, options.environment);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'stops', stops });
      else io.out(stopsText(stops));
    });
  });

  placed(
    guard
      .command('log')
      .argument('[feature]', 'only this feature')
      .description('every decision about an action, newest first')
      .option('--limit <n>', 'at most this many (default 50)', wholeNumber('--limit', 1)),
  ).action(async (feature: string | undefined, options: PlaceOptions & { limit?: number }) => {
    const [{ withGuard }, { decisionsText }] = await Promise.all([
      import('../../jobs/guard/open-guard.ts'),
      import('../../report/text/guard-text.ts'),
    ]);
    await withGuard(await ledgerOf(io, options), async (log) => {
      const all = await log.decisions({ feature, most: options.limit ?? 50 });
      const decisions = all.filter(
        (d) => options.environment === undefined || d.environment === options.environment,
      );
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'guard-log', decisions });
      else io.out(decisionsText(decisions));
    });
  });
};

// lastgood flag: switches that on-call turns without a deploy, with who turned them and why.

import { InvalidArgumentError } from 'commander';
import { FLAG_TYPES, type FlagType, flagTypeOf, percentOf, typedConditions } from '../../core/flag.ts';
import { DEFAULT_ENVIRONMENT, EVERY_FEATURE } from '../../core/shipping.ts';
import type { Register } from '../options/register.ts';
import { duration, keyValue, printJson } from '../options/session.ts';
import {
  type DecisionOptions,
  decider,
  deciding,
  type PlaceOptions,
  placed,
  withShippingLog,
} from '../options/shipping-options.ts';
import { styleOf } from '../terminal/io.ts';

const FEATURE = ['--feature <name>', 'only for this feature (default every feature)'] as const;

interface SetOptions extends DecisionOptions {
  readonly feature?: string;
  readonly type?: FlagType;
  readonly segment?: string;
  readonly region?: string;
  readonly when?: readonly string[];
  readonly percent?: number;
  readonly else?: string;
}

function percentage(text: string): number {
  const value = percentOf(text);
  if (value === undefined) throw new InvalidArgumentError('a percentage from 0 to 100');
  return value;
}

function flagType(text: string): FlagType {
  const found = flagTypeOf(text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${FLAG_TYPES.join(', ')}`);
  return found;
}

const gathered = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
];

export const registerFlag: Register = (program, io, exit) => {
  const flag = program
    .command('flag')
    .description('switches of a feature, served to applications over OFREP');

  placed(
    flag
      .command('list')
      .description('the flags that are set, with their rules and who set them')
      .option('--feature <name>', 'only those that this feature gets'),
  ).action(async (options: PlaceOptions & { feature?: string }) => {
    const [{ FlagState }, { flagsText }] = await Promise.all([
      import('../../jobs/flag/flag-state.ts'),
      import('../../report/text/flag-text.ts'),
    ]);
    await withShippingLog(io, options, async ({ shipping }) => {
      const { feature, environment } = options;
      const { flags, generation } = await new FlagState(shipping).now();
      const found = flags.filter(
        (f) =>
          (environment === undefined || f.environment === environment) &&
          (feature === undefined || f.feature === feature || f.feature === EVERY_FEATURE),
      );
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'flags', generation, flags: found });
      else io.out(flagsText(found));
    });
  });

  placed(
    flag
      .command('get')
      .argument('<key>')
      .description('the value that a request would get, as it is served')
      .option(...FEATURE)
      .option('--key <targeting-key>', 'the user, session or request')
      .option('--context <property=value>', 'a property of the request (repeatable)', keyValue('--context')),
  ).action(
    async (
      key: string,
      options: PlaceOptions & { feature?: string; key?: string; context?: Record<string, string> },
    ) => {
      const [{ readFlag }, { answerText }] = await Promise.all([
        import('../../jobs/flag/read-flag.ts'),
        import('../../report/text/flag-text.ts'),
      ]);
      await withShippingLog(io, options, async ({ work, shipping }) => {
        const answer = await readFlag(shipping, {
          key,
          environment: options.environment ?? DEFAULT_ENVIRONMENT,
          feature: options.feature ?? null,
          targetingKey: options.key ?? null,
          properties: options.context ?? {},
          now: work.clock.now(),
        });
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'flag-answer', ...answer });
        else io.out(answerText(answer));
        exit(answer.ok ? 0 : 3);
      });
    },
  );

  deciding(
    flag
      .command('set')
      .argument('<key>', 'one of the ai.* flags, or a key of your own')
      .argument('<value>', 'true, false, a number or a text')
      .description(
        'a value for everybody (all rules are removed), or with conditions for a part of the traffic',
      )
      .option(...FEATURE)
      .option('--type <type>', `of a new flag: ${FLAG_TYPES.join(', ')} (default by its value)`, flagType)
      .option(
        '--percent <n>',
        'only this share of the targeting keys; growing it moves no key out',
        percentage,
      )
      .option('--segment <names>', 'only requests of one of these segments, such as beta,internal')
      .option('--region <names>', 'only requests of one of these regions')
      .option('--when <condition>', 'only where it holds, such as "input-length>2000" (repeatable)', gathered)
      .option('--else <value>', 'what all other requests get (default: what they have)'),
  ).action(async (key: string, value: string, options: SetOptions) => {
    const [{ setFlag, featureName }, { flagSetText }] = await Promise.all([
      import('../../jobs/flag/set-flag.ts'),
      import('../../report/text/flag-text.ts'),
    ]);
    const by = await decider(io, options);
    await withShippingLog(io, options, async ({ work, shipping }) => {
      const set = await setFlag(work, shipping, {
        ...{ key, value, by, why: options.why, type: options.type, percent: options.percent },
        feature: featureName(options.feature),
        environment: options.environment ?? DEFAULT_ENVIRONMENT,
        when: typedConditions(options),
        otherwise: options.else,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'flag', ...set.flag });
      else io.out(flagSetText(set.flag, set.before));
    });
  });

  placed(
    flag
      .command('history')
      .argument('[key]', 'only this flag')
      .description('every change of the flags with who and why, oldest first'),
  ).action(async (key: string | undefined, options: PlaceOptions) => {
    const [{ changesText }, { flagChangeText }] = await Promise.all([
      import('../../report/text/change-text.ts'),
      import('../../report/text/flag-text.ts'),
    ]);
    await withShippingLog(io, options, async ({ shipping }) => {
      const changes = (await shipping.changes(0)).filter(
        (c) =>
          (c.kind === 'flag' || c.kind === 'flag-test') &&
          (key === undefined || c.name === key) &&
          (options.environment === undefined || c.environment === options.environment),
      );
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'flag-history', changes });
      else io.out(changesText(changes, flagChangeText));
    });
  });

  deciding(
    flag
      .command('test')
      .argument('<key>')
      .argument('<value>', 'the value to try')
      .description(
        'a drill: set the flag, see it served, set it back, see everybody get what they had (exit 1 where not; default environment staging)',
      )
      .option(...FEATURE)
      .option(
        '--url <address>',
        'read through this server, such as http://127.0.0.1:7411 (default the ledger)',
      )
      .option('--token-env <name>', 'environment variable with the token for --url', 'LASTGOOD_TOKEN')
      .option(
        '--within <duration>',
        'how long a change may take to arrive (default 2s)',
        duration('--within'),
      ),
  ).action(
    async (
      key: string,
      value: string,
      options: DecisionOptions & { feature?: string; url?: string; tokenEnv: string; within?: number },
    ) => {
      const [{ ledgerReader, testFlag }, { featureName }, { flagTestText }, { withShipping }] =
        await Promise.all([
          import('../../jobs/flag/test-flag.ts'),
          import('../../jobs/flag/set-flag.ts'),
          import('../../report/text/flag-text.ts'),
          import('../../jobs/registry/open-shipping.ts'),
        ]);
      const { ledgerOf } = await import('../options/production.ts');
      const by = await decider(io, options);
      const environment = options.environment ?? 'staging';
      await withShippingLog(io, options, async ({ work, shipping }) =>
        withShipping(await ledgerOf(io, options), {}, async (second) => {
          const read =
            options.url === undefined
              ? ledgerReader(second, environment, work.clock)
              : await (await import('../options/server-reader.ts')).serverReader(
                  options.url,
                  io.environment[options.tokenEnv],
                );
          const report = await testFlag(work, shipping, {
            ...{ key, value, environment, by, why: options.why, read, through: options.url ?? 'ledger' },
            feature: featureName(options.feature),
            limitMs: options.within ?? 2000,
          });
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'flag-test', ...report });
          else io.out(flagTestText(report, styleOf(io)));
          exit(report.outcome === 'passed' ? 0 : 1);
        }),
      );
    },
  );
};

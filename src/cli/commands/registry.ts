// lastgood registry: which release a feature points to, in which environment, and who decided it.

import { LastgoodError } from '../../base/errors.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import type { Register } from '../options/register.ts';
import { moment, printJson } from '../options/session.ts';
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
import { trustOptions } from '../options/trust-options.ts';
import { styleOf } from '../terminal/io.ts';

export const registerRegistry: Register = (program, io, exit) => {
  const registry = program
    .command('registry')
    .description('which release a feature points to, with who decided it and why');

  placed(
    registry
      .command('list')
      .argument('[feature]', 'only this feature')
      .description('the release in force, its model, prompt and last measured quality, and what changed'),
  ).action(async (feature: string | undefined, options: PlaceOptions) => {
    const [{ listRegistry }, { registryText }] = await Promise.all([
      import('../../jobs/registry/list-registry.ts'),
      import('../../report/text/registry-text.ts'),
    ]);
    await withShippingLog(io, options, async ({ work, shipping }) => {
      const { environment } = options;
      const entries = await listRegistry(work, shipping, { feature, environment });
      const now = work.clock.now();
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'registry', at: now.toISOString(), entries });
      else io.out(registryText(entries, { style: styleOf(io), now }));
      if (entries.length === 0) exit(3);
    });
  });

  const writing = rehearsable(
    deciding(
      trustOptions(
        registry
          .command('set')
          .argument('<feature>')
          .argument('<release>', 'release file, name under releases/, or fingerprint')
          .description(
            "point a feature to a release; refused without a valid, passing snapshot of the feature's suite (exit 3)",
          )
          .option(
            '--candidate',
            'name it as the candidate: the share ai.rollout.percent of the traffic gets it',
          )
          .option('--suite <suite>', "the feature's suite, where it has no ticket in features/")
          .option('--override <reason>', 'point there all the same; the reason stays on record'),
      ),
    ),
  );
  writing.action(
    async (
      feature: string,
      release: string,
      options: DecisionOptions & { suite?: string; override?: string; candidate?: boolean },
    ) => {
      const [{ setPointer }, { pointerText }] = await Promise.all([
        import('../../jobs/registry/set-pointer.ts'),
        import('../../report/text/registry-text.ts'),
      ]);
      const by = await decider(io, options);
      await withShippingLog(io, options, async ({ work, shipping }) => {
        const { why, suite, override, candidate } = options;
        const environment = options.environment ?? DEFAULT_ENVIRONMENT;
        const request = { feature, release, environment, by, why, suite, override, candidate, cwd: io.cwd };
        const pointer = await setPointer(work, shipping, request);
        const text = pointerText(pointer, candidate);
        printDecided(io, options, { document: { kind: 'pointer', ...pointer }, text });
      });
    },
  );

  rehearsable(
    deciding(
      registry
        .command('restore')
        .argument('<feature>')
        .description('point a feature back to the release before')
        .option('--override <reason>', 'point there all the same; the reason stays on record'),
    ),
  ).action(async (feature: string, options: DecisionOptions & { override?: string }) => {
    const [{ restorePointer }, { pointerText }] = await Promise.all([
      import('../../jobs/registry/set-pointer.ts'),
      import('../../report/text/registry-text.ts'),
    ]);
    const by = await decider(io, options);
    await withShippingLog(io, options, async ({ work, shipping }) => {
      const { why, override } = options;
      const environment = options.environment ?? DEFAULT_ENVIRONMENT;
      const pointer = await restorePointer(work, shipping, { feature, environment, by, why, override });
      const document = { kind: 'pointer', ...pointer };
      printDecided(io, options, { document, text: pointerText(pointer) });
    });
  });

  rehearsable(
    deciding(
      registry
        .command('deprecate')
        .argument('<feature>')
        .argument('<release>', 'name or fingerprint of an earlier release')
        .description('keep an earlier release reachable until a date, with a warning; then it ends')
        .requiredOption('--until <time>', 'ISO date or time; a date alone is midnight UTC', moment('--until'))
        .requiredOption('--message <text>', 'what users of it are to do'),
    ),
  ).action(
    async (feature: string, release: string, options: DecisionOptions & { until: Date; message: string }) => {
      const { deprecateRelease } = await import('../../jobs/registry/deprecate.ts');
      const by = await decider(io, options);
      await withShippingLog(io, options, async ({ work, shipping }) => {
        const { why, until, message } = options;
        const environment = options.environment ?? DEFAULT_ENVIRONMENT;
        const made = await deprecateRelease(work, shipping, {
          ...{ feature, release, environment, until, message, by, why },
        });
        const text = `${made.release} stays reachable for ${feature} in ${environment} until ${made.until}\n`;
        printDecided(io, options, { document: { kind: 'deprecation', ...made }, text });
      });
    },
  );

  placed(
    registry
      .command('history')
      .argument('<feature>')
      .description('who pointed the feature where, and why, oldest first'),
  ).action(async (feature: string, options: PlaceOptions) => {
    const { changesText } = await import('../../report/text/change-text.ts');
    await withShippingLog(io, options, async ({ shipping }) => {
      const changes = (await shipping.changes(0)).filter(
        (c) =>
          (c.kind === 'pointer' || c.kind === 'deprecation') &&
          c.feature === feature &&
          (options.environment === undefined || c.environment === options.environment),
      );
      if (changes.length === 0)
        throw new LastgoodError({
          code: 'REGISTRY_UNKNOWN',
          message: `the registry has no change of ${JSON.stringify(feature)}`,
          hint: 'lastgood registry list',
        });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'registry-history', changes });
      else io.out(changesText(changes));
    });
  });
};

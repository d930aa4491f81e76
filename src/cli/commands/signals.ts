// lastgood signals: what production of a feature looks like, beside the time before.

import { InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import { count, when } from '../../base/numbers.ts';
import { DIMENSIONS, type Dimension, type ObservationFeature } from '../../core/observation.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, duration, moment, printJson } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

function dimension(text: string): Dimension {
  const found = DIMENSIONS.find((d) => d === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${DIMENSIONS.join(', ')}`);
  return found;
}

/** `7d` back from now, or an ISO time. */
export function sinceOption(text: string): number | Date {
  const since = /^\d{4}-/.test(text) ? moment('--since')(text) : duration('--since', 'refused')(text);
  if (typeof since === 'number' && (since < 3_600_000 || since > 3.2e11))
    throw new LastgoodError({
      code: 'SINCE_RANGE',
      message: `--since takes an hour to ten years, not "${text}"`,
      hint: 'write --since 24h, --since 7d or --since 2026-05-12',
    });
  return since;
}

interface SignalsOptions extends CommonOptions {
  readonly since?: number | Date;
  readonly by?: Dimension;
  readonly verbose?: boolean;
}

export const registerSignals: Register = (program, io) => {
  common(
    program
      .command('signals')
      .argument('[feature]', 'left out: list the features')
      .description('production in numbers: errors, refusals, length, latency, cost and what users did')
      .option('--since <time>', 'how far back, such as 24h or 7d, or an ISO time', sinceOption)
      .option('--by <dimension>', `also for each ${DIMENSIONS.join(', ')}`, dimension)
      .option('--verbose', 'print signals of which nothing is known, and intervals'),
  ).action(async (feature: string | undefined, options: SignalsOptions) => {
    await withProduction(io, options, async (store) => {
      if (feature === undefined) {
        const features = await store.features();
        if (options.json)
          printJson(io, { schemaVersion: 1, kind: 'features', features: features.map(featureJson) });
        else io.out(featuresText(features));
        return;
      }
      const [{ signalsJob }, { signalsText }] = await Promise.all([
        import('../../jobs/signals/signals.ts'),
        import('../../report/text/signals-text.ts'),
      ]);
      const report = await signalsJob(store, {
        feature,
        now: new Date(),
        since: options.since ?? sinceOption('7d'),
        by: options.by ?? null,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'signals', ...report });
      else io.out(signalsText(report, { verbose: options.verbose === true, style: styleOf(io) }));
    });
  });
};

function featureJson({ first, last, ...rest }: ObservationFeature): object {
  return { ...rest, first: new Date(first).toISOString(), last: new Date(last).toISOString() };
}

function featuresText(features: readonly ObservationFeature[]): string {
  if (features.length === 0) return 'No observations yet. Send some: lastgood observe FILE --feature NAME\n';
  const iso = (ms: number): string => when(new Date(ms).toISOString());
  return `${features
    .map(
      (f) =>
        `${terminalLine(f.feature, 60)}  ${count(f.observations, 'observation')}, ${iso(f.first)} to ${iso(f.last)} UTC`,
    )
    .join('\n')}\n`;
}

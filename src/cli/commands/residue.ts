// lastgood residue: which user signals have come back after a rollback.

import { InvalidArgumentError } from 'commander';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, duration, moment, printJson } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface ResidueOptions extends CommonOptions {
  readonly rollback: Date;
  readonly change?: Date;
  readonly settle?: number;
  readonly margin?: number;
}

/** `2 points` or `2`, as a share. */
function pointsOption(text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)\s*(?:points?)?$/.exec(text.trim())?.[1]) / 100;
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('points above 0 and below 100, e.g. 2');
  return value;
}

export const registerResidue: Register = (program, io, exit) => {
  common(
    program
      .command('residue')
      .argument('<feature>', 'feature that was rolled back')
      .description('user signals before a change, during it and after its rollback: what has not returned')
      .requiredOption(
        '--rollback <time>',
        'when the rollback was in effect, e.g. 2026-05-12T14:00Z',
        moment('--rollback'),
      )
      .option(
        '--change <time>',
        'when the incident began (default: when the withdrawn release came)',
        moment('--change'),
      )
      .option(
        '--margin <points>',
        'a remaining difference of a share that counts as none (default 2)',
        pointsOption,
      )
      .option(
        '--settle <time>',
        'leave out answers younger than this: their outcomes may still come (default 24h)',
        duration('--settle', 'refused'),
      ),
  ).action(async (feature: string, options: ResidueOptions) => {
    const [{ residueJob }, { residueText }] = await Promise.all([
      import('../../jobs/residue/residue.ts'),
      import('../../report/text/residue-text.ts'),
    ]);
    await withProduction(io, options, async (store) => {
      const report = await residueJob(store, {
        feature,
        rollback: options.rollback,
        change: options.change,
        now: new Date(),
        settleMs: options.settle ?? 86_400_000,
        margin: options.margin ?? 0.02,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'residue', ...report });
      else io.out(residueText(report, styleOf(io)));
      if (report.verdict === 'not-returned') exit(1);
      if (report.verdict === 'cannot-tell') exit(3);
    });
  });
};

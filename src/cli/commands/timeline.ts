// lastgood timeline: what moved in production, when, and what happened around it.

import { resolve } from 'node:path';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, detailed, moment, printJson } from '../options/session.ts';
import { withShippingLog } from '../options/shipping-options.ts';
import { styleOf } from '../terminal/io.ts';
import { sinceOption } from './signals.ts';

interface TimelineOptions extends CommonOptions {
  readonly since?: number | Date;
  readonly until?: Date;
  readonly suite?: string;
  readonly html?: string;
}

export const registerTimeline: Register = (program, io) => {
  common(
    detailed(
      program
        .command('timeline')
        .argument('<feature>', 'the feature, as observations name it')
        .description(
          'signals, releases, flags, events and alarms of a feature on one time axis, and what moved first',
        )
        .option('--since <time>', 'how far back, such as 24h or 7d, or an ISO time (default 7d)', sinceOption)
        .option('--until <iso>', 'where it ends (default now)', moment('--until'))
        .option('--suite <name>', 'events and nights of this suite only (default every suite)')
        .option('--html <file>', 'write it as a self-contained page'),
    ),
  ).action(async (feature: string, options: TimelineOptions) => {
    const [{ timelineJob }, { timelineText }, { ledgerOf, withProduction }] = await Promise.all([
      import('../../jobs/timeline/timeline.ts'),
      import('../../report/text/timeline-text.ts'),
      import('../options/production.ts'),
    ]);
    const db = await ledgerOf(io, options);
    await withProduction(io, { ...options, db }, (observations) =>
      withShippingLog(io, { ...options, db }, async ({ work, shipping }) => {
        const timeline = await timelineJob(work, observations, {
          feature,
          suite: options.suite,
          shipping,
          since: options.since ?? sinceOption('7d'),
          until: options.until ?? work.clock.now(),
        });
        if (options.html !== undefined) {
          const [{ timelineHtml }, { writeFile }] = await Promise.all([
            import('../../report/html/timeline-html.ts'),
            import('node:fs/promises'),
          ]);
          await writeFile(resolve(io.cwd, options.html), timelineHtml(timeline));
        }
        if (options.json) printJson(io, timeline);
        else io.out(timelineText(timeline, { verbose: options.verbose === true, style: styleOf(io) }));
        if (options.html !== undefined) io.err(`wrote ${options.html}\n`);
      }),
    );
  });
};

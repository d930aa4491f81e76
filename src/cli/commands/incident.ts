// lastgood incident: the post-mortem of a regression, from what the ledger holds and what the command line says.

import { InvalidArgumentError } from 'commander';
import type { IncidentRequest } from '../../jobs/incident/incident-job.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, detailed, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

const FORMATS = ['text', 'markdown', 'html', 'json'] as const;
type IncidentFormat = (typeof FORMATS)[number];

interface IncidentOptions extends CommonOptions {
  readonly good: string;
  readonly bad: string;
  readonly suite?: string;
  readonly feature?: string;
  readonly since?: string;
  readonly detected?: string;
  readonly resolved?: string;
  readonly event?: string;
  readonly format?: IncidentFormat;
  readonly output?: string;
  readonly casesOut?: string;
}

function formatOf(text: string): IncidentFormat {
  if ((FORMATS as readonly string[]).includes(text)) return text as IncidentFormat;
  throw new InvalidArgumentError(`one of ${FORMATS.join(', ')}`);
}

export const registerIncident: Register = (program, io, exit) => {
  common(
    detailed(program.command('incident'))
      .description('the post-mortem: what changed, when, how it was found, what covers it, what to do')
      .option('--good <ref>', 'a run from before the incident', 'baseline')
      .option('--bad <ref>', 'a run that shows it', 'latest')
      .option('--suite <name>', 'which suite the references mean')
      .option('--feature <name>', 'add what users saw: the signals and monitors of this feature')
      .option('--since <time>', 'when it began, e.g. 2026-03-15T02:00Z')
      .option('--detected <time>', 'when it was noticed')
      .option('--resolved <time>', 'when it was over')
      .option(
        '--event <file>',
        'deploys, notices and failed inputs: a YAML or JSON list, or JSON lines, of { at, kind, text }',
      )
      .option(
        '--format <format>',
        `one of ${FORMATS.join(', ')} (default text; markdown with -o or --verbose)`,
        formatOf,
      )
      .option('-o, --output <file>', 'write there instead of stdout')
      .option('--cases-out <file>', 'write the drafted cases there, one JSON line each'),
  ).action(async (options: IncidentOptions) => {
    const [{ incidentJob }, { openOutput }] = await Promise.all([
      import('../../jobs/incident/incident-job.ts'),
      import('../terminal/output.ts'),
    ]);
    const write = await openOutput(io, options.output);
    const writeCases = options.casesOut === undefined ? null : await openOutput(io, options.casesOut);
    const report = (production: IncidentRequest['production']): Promise<void> =>
      withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
        const short = options.output === undefined && options.verbose !== true;
        const format = options.json ? 'json' : (options.format ?? (short ? 'text' : 'markdown'));
        const made = await incidentJob(work, {
          good: options.good,
          bad: options.bad,
          suite: options.suite,
          since: options.since,
          detected: options.detected,
          resolved: options.resolved,
          eventFile: options.event,
          production,
          format,
          style: options.output === undefined ? styleOf(io) : undefined,
          cwd: io.cwd,
        });
        await write(made.text, format === 'markdown' || format === 'text' ? 'text' : 'document');
        if (writeCases !== null) await writeCases(made.cases);
        exit(made.report.comparison.verdict === 'regressed' ? 0 : 3);
      });
    const { feature } = options;
    if (feature === undefined) return report(undefined);
    const { withProduction } = await import('../options/production.ts');
    await withProduction(io, options, (observations) => report({ feature, observations }));
  });
};

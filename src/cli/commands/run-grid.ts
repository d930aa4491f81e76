// lastgood run with several releases: one table of all.

import { type RunOptionValues, runSettings } from '../options/run-options.ts';
import { type CommonOptions, printJson, withWorkplace } from '../options/session.ts';
import type { Io } from '../terminal/io.ts';
import { styleOf } from '../terminal/io.ts';

export const GRID_FORMATS = ['text', 'markdown', 'json'] as const;
export type GridFormat = (typeof GRID_FORMATS)[number];

export interface GridOptions extends CommonOptions, Omit<RunOptionValues, 'release'> {
  readonly release: readonly string[];
  readonly format?: GridFormat;
  readonly output?: string;
  readonly at?: Date;
}

export async function runGridCommand(
  io: Io,
  exit: (code: number) => void,
  suite: string,
  options: GridOptions,
): Promise<void> {
  const [{ gridAssignments, runGrid }, { openOutput }] = await Promise.all([
    import('../../jobs/run/grid.ts'),
    import('../terminal/output.ts'),
  ]);
  const write = await openOutput(io, options.output);
  await withWorkplace(io, options, { mustExist: false, at: options.at }, async ({ work, settings }) => {
    const input = {
      suite,
      releases: options.release,
      cwd: io.cwd,
      filter: options.filter,
      judge: options.judge,
      settings: await runSettings(options, settings, work),
    };
    if (options.dryRun === true) {
      const { estimate } = await import('../../jobs/run/run-job.ts');
      const estimates = [];
      for (const assignment of await gridAssignments(input)) {
        const { name, fingerprint } = assignment.release;
        estimates.push({ release: name, fingerprint, ...(await estimate(work, assignment, input.settings)) });
      }
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'estimate', releases: estimates });
      else {
        const { estimateText } = await import('../../report/text/run-text.ts');
        const { terminalLine } = await import('../../report/parts/escape.ts');
        for (const e of estimates) io.out(`release ${terminalLine(e.release, 60)}\n${estimateText(e)}\n`);
      }
      return;
    }
    const grid = await runGrid(work, input);
    const format = options.json ? 'json' : (options.format ?? 'text');
    if (format === 'json') {
      const { jsonDocument } = await import('../../report/json/json-document.ts');
      await write(jsonDocument(grid));
    } else {
      const { gridMarkdown, gridText } = await import('../../report/text/grid-text.ts');
      const style = options.output === undefined ? styleOf(io) : undefined;
      await write(format === 'markdown' ? gridMarkdown(grid) : gridText(grid, style && { style }), 'text');
    }
    exit(gridExit(grid));
  });
}

/** The table judges nothing: 0 says that every release was measured. */
function gridExit(grid: {
  readonly stoppedBy: string | null;
  readonly releases: readonly { readonly validity: string }[];
}): number {
  if (grid.stoppedBy === 'cancelled') return 130;
  if (grid.stoppedBy === 'fatal') return 4;
  return grid.stoppedBy !== null || grid.releases.some((r) => r.validity === 'invalid') ? 3 : 0;
}

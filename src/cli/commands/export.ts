// lastgood export: a snapshot as one deterministic text file, or as tables for data tools.

import type { Register } from '../options/register.ts';
import { oneOf } from '../options/run-options.ts';
import { type CommonOptions, common, printJson, withWorkplace } from '../options/session.ts';
import { boundHeap } from '../terminal/limit-heap.ts';

const FORMATS = ['jsonl', 'parquet'] as const;

interface ExportOptions extends CommonOptions {
  readonly suite?: string;
  readonly dir?: string;
  readonly format?: (typeof FORMATS)[number];
}

export const registerExport: Register = (program, io) => {
  common(
    program
      .command('export')
      .argument('<refs...>', 'snapshot references')
      .description('write each snapshot as one line-diffable text file, the same bytes every time')
      .option('--suite <name>', 'which suite the references mean')
      .option('--dir <folder>', 'where to write (default snapshots)')
      .option(
        '--format <format>',
        'jsonl: one file, for git and `lastgood import` (default); parquet: cases, trials and grades as tables, for DuckDB, pandas and Spark',
        oneOf(FORMATS),
      ),
  ).action(async (refs: string[], options: ExportOptions) => {
    if (io.sharesProcess !== true) boundHeap();
    const write =
      options.format === 'parquet'
        ? (await import('../../engine/exchange/table-files.ts')).exportTableFiles
        : (await import('../../engine/exchange/exchange.ts')).exportFiles;
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const files = await write(work, refs, {
        suite: options.suite,
        dir: options.dir ?? 'snapshots',
        cwd: io.cwd,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'export', files });
      else for (const f of files) io.out(`${f.snapshot}  ${f.file}\n`);
    });
  });
};

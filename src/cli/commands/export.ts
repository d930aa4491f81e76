// lastgood export and lastgood import: a snapshot as one deterministic text file.

import { boundHeap } from '../heap.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, printJson, withWorkplace } from '../session.ts';

export const registerExport: Register = (program, io) => {
  common(
    program
      .command('export')
      .argument('<refs...>', 'snapshot references')
      .description('write each snapshot as one line-diffable text file, the same bytes every time')
      .option('--suite <name>', 'which suite the references mean')
      .option('--dir <folder>', 'where to write (default snapshots)'),
  ).action(async (refs: string[], options: CommonOptions & { suite?: string; dir?: string }) => {
    if (io.sharesProcess !== true) boundHeap();
    const { exportFiles } = await import('../../workflow/ledger/exchange.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const files = await exportFiles(work, refs, {
        suite: options.suite,
        dir: options.dir ?? 'snapshots',
        cwd: io.cwd,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'export', files });
      else for (const f of files) io.out(`${f.snapshot}  ${f.file}\n`);
    });
  });

  common(
    program
      .command('import')
      .argument('<files...>', 'exported snapshots and events')
      .description('take exported snapshots and events into the ledger; doing it twice changes nothing'),
  ).action(async (files: string[], options: CommonOptions) => {
    if (io.sharesProcess !== true) boundHeap();
    const { importFiles } = await import('../../workflow/ledger/exchange.ts');
    await withWorkplace(io, options, { mustExist: false }, async ({ work }) => {
      const { snapshots, events } = await importFiles(work, files, io.cwd);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'import', snapshots, events });
      else {
        for (const t of snapshots) io.out(`${t.snapshot}  ${t.suite}  ${t.file}\n`);
        if (events.added + events.known > 0)
          io.out(`events: ${events.added} added, ${events.known} known already\n`);
      }
    });
  });
};

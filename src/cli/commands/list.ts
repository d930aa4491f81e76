// lastgood list and lastgood show: the ledger, one snapshot, one case.

import { styleOf } from '../io.ts';
import type { Register } from '../program.ts';
import {
  type CommonOptions,
  common,
  printJson,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../session.ts';

export const registerList: Register = (program, io) => {
  common(
    program
      .command('list')
      .description('the snapshots in the ledger, newest first')
      .option('--suite <name>', 'only this suite')
      .option('--all', 'also verification, comparison and confirmation runs')
      .option('--limit <n>', 'at most this many (default 30)', wholeNumber('--limit', 1)),
  ).action(async (options: CommonOptions & { suite?: string; all?: boolean; limit?: number }) => {
    const { snapshotListText } = await import('../../report/snapshot-text.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const list = await work.store.list({
        suite: options.suite,
        limit: options.limit ?? 30,
        ...(options.all ? {} : { purposes: ['run'] as const }),
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'list', snapshots: list.map(snapshotJson) });
      else {
        const newest = new Map<string, string>();
        for (const b of await work.store.blessings(options.suite)) newest.set(b.suite, b.snapshot);
        io.out(snapshotListText(list, { style: styleOf(io), blessed: new Set(newest.values()) }));
      }
    });
  });

  common(
    program
      .command('show')
      .argument('<ref>', 'snapshot reference')
      .description('one snapshot; with --case one case with every trial, grade and reason')
      .option('--suite <name>', 'which suite the reference means')
      .option('--case <id>', 'one case'),
  ).action(async (ref: string, options: CommonOptions & { suite?: string; case?: string }) => {
    const [{ snapshotText, caseText }, { showCase }] = await Promise.all([
      import('../../report/snapshot-text.ts'),
      import('../../workflow/show-case.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const summary = await work.store.resolve(ref, { suite: options.suite, now: work.clock.now() });
      if (options.case !== undefined) {
        const trials = await showCase(work.store, summary.id, options.case);
        if (options.json)
          printJson(io, { schemaVersion: 1, kind: 'case', snapshot: summary.id, case: options.case, trials });
        else io.out(caseText(options.case, trials, { style: styleOf(io) }));
        return;
      }
      const results = await work.store.results(summary.id);
      if (options.json)
        printJson(io, {
          schemaVersion: 1,
          kind: 'snapshot',
          snapshot: snapshotJson(summary),
          cases: results.cases,
        });
      else io.out(snapshotText(results, { style: styleOf(io) }));
    });
  });
};

// lastgood db: the ledger's size, retention and soundness; lastgood forget: a text or a case's payloads out of it.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { CopyReport } from '../../jobs/ledger/copy.ts';
import type { ForgetJobReport } from '../../jobs/ledger/db-upkeep.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import { ledgerOf } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, printJson, wholeNumber } from '../options/session.ts';
import type { Io } from '../terminal/io.ts';

interface PruneOptions extends CommonOptions {
  readonly keepLast?: number;
  readonly keepDays?: number;
  readonly keepBlessed?: boolean;
  readonly observationDays?: number;
  readonly dryRun?: boolean;
}

export const registerDb: Register = (program, io, exit) => {
  const db = program.command('db').description("the ledger's size, retention and soundness");

  common(db.command('stats').description('what takes the space: by kind of content and by suite')).action(
    async (options: CommonOptions) => {
      const { statsJob } = await import('../../jobs/ledger/db-upkeep.ts');
      const stats = await statsJob(await ledgerOf(io, options));
      if (options.json) {
        printJson(io, { schemaVersion: 1, kind: 'db-stats', ...stats });
        return;
      }
      io.out(
        `${size(stats.bytes)} in ${stats.snapshots} snapshots and ${stats.trials} trials (schema ${stats.schema})${stats.freeBytes === null ? '' : `; ${size(stats.freeBytes)} free`}\n\n`,
      );
      for (const p of stats.parts)
        io.out(`${size(p.bytes).padStart(10)}  ${share(p.bytes, stats.bytes)}  ${p.part}\n`);
      if (stats.suites.length > 0) io.out('\nanswers by suite\n');
      for (const s of stats.suites)
        io.out(
          `${size(s.answerBytes).padStart(10)}  ${s.suite}: ${s.snapshots} snapshots, ${s.trials} trials\n`,
        );
    },
  );

  common(
    db
      .command('prune')
      .description(
        'remove the answers and requests of old snapshots; scores, baselines and what decisions rest on always stay',
      )
      .option('--keep-last <n>', 'newest runs of each suite that keep theirs', wholeNumber('--keep-last', 0))
      .option(
        '--keep-days <d>',
        'snapshots and production answers younger than this keep theirs',
        wholeNumber('--keep-days', 0),
      )
      .option('--keep-blessed', 'baselines and evidence keep theirs (always so); alone: nothing else does')
      .option(
        '--observation-days <d>',
        'remove production observations older than this; their counts stay in the signals',
        wholeNumber('--observation-days', 1),
      )
      .option('--dry-run', 'show what would go, remove nothing'),
  ).action(async (options: PruneOptions) => {
    const { pruneJob } = await import('../../jobs/ledger/db-upkeep.ts');
    const report = await pruneJob(await ledgerOf(io, options), {
      keepLast: options.keepLast,
      keepDays: options.keepDays,
      keepBlessed: options.keepBlessed,
      observationDays: options.observationDays,
      dryRun: options.dryRun === true,
      now: new Date(),
    });
    if (options.json) {
      printJson(io, { schemaVersion: 1, kind: 'db-prune', ...report });
      return;
    }
    const verb = report.dryRun ? 'would remove' : 'removed';
    io.out(
      `${verb} ${report.texts} texts (${size(report.textBytes)})${report.vectors > 0 ? ` and ${report.vectors} embedding vectors` : ''} of ${report.pruned.length} snapshots; ${report.kept.length} keep theirs; scores and grades all stay\n`,
    );
    const { texts, observations } = report.production;
    if (texts + observations > 0)
      io.out(
        `${verb} the texts of ${texts} production answers and ${observations} observations; signals stay\n`,
      );
    for (const k of report.kept) io.out(`  kept ${k.snapshot}: ${k.why}\n`);
    if (report.bytesAfter !== null)
      io.out(`ledger: ${size(report.bytesBefore)} before, ${size(report.bytesAfter)} now\n`);
  });

  common(
    db
      .command('check')
      .description(
        'the file, its references, every text against its hash and every snapshot against its digest',
      ),
  ).action(async (options: CommonOptions) => {
    const { checkJob } = await import('../../jobs/ledger/db-upkeep.ts');
    const check = await checkJob(await ledgerOf(io, options));
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'db-check', ...check });
    else if (check.ok)
      io.out(
        `sound: ${check.contents} texts have their hashes${check.removed > 0 ? `, ${check.removed} were removed` : ''}; ${check.verified} snapshots have their digests${check.vectors > 0 ? `; ${check.vectors} embedding vectors` : ''}\n${
          check.unverified > 0
            ? `not verified: ${check.unverified} snapshots from before there were digests\n`
            : ''
        }`,
      );
    else for (const problem of check.problems) io.out(`${problem}\n`);
    if (!check.ok) exit(4);
  });

  registerCopy(db, io, exit);
};

function registerCopy(db: Command, io: Io, exit: (code: number) => void): void {
  db.command('copy')
    .argument('<from>', 'the ledger to read: a file or postgres://…')
    .argument('<to>', 'the ledger to write; made where it is not there')
    .description(
      'copy a ledger to another place, each snapshot verified by the bytes of its export; a copy that was cut short continues where it stopped',
    )
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'no progress on stderr')
    .action(async (from: string, to: string, options: CommonOptions) => {
      const [{ copyJob }, { ledgerPlace }, { cliProgress }] = await Promise.all([
        import('../../jobs/ledger/copy.ts'),
        import('../../engine/workplace/settings-file.ts'),
        import('../terminal/progress.ts'),
      ]);
      const place = (given: string): string => ledgerPlace(io, given, { db: given });
      const progress = cliProgress(io, options.quiet === true, () => Date.now());
      io.beforeOut(progress.end);
      const report = await copyJob({ from: place(from), to: place(to) }, progress);
      progress.end();
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'db-copy', ...report });
      else io.out(copyText(report));
      // What stayed behind must be seen by a script, too.
      if (report.running.length + report.notCopied.length > 0) exit(3);
    });
}

function copyText(report: CopyReport): string {
  const { copied, there, trials, vectors, blessings, records, verdicts } = report;
  const lines = [
    `copied and verified ${copied} snapshots with ${trials} trials; ${there} were there already`,
    `copied ${blessings} blessings, ${records} records, ${verdicts} judge replies and ${vectors} embedding vectors`,
    ...report.written.map(({ what, rows }) => `copied ${rows} ${what}`),
    ...report.running.map((id) => `not copied: snapshot ${id} is still running, or its run was killed`),
    ...report.notCopied.map(({ what }) => `not copied: ${terminalLine(what, 200)}`),
  ];
  return `${lines.join('\n')}\n`;
}

interface ForgetOptions extends CommonOptions {
  readonly case?: string;
  readonly media?: string;
  readonly dir?: string;
  readonly substring?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const registerForget: Register = (program, io) => {
  common(
    program
      .command('forget')
      .argument('[text]', 'a text to take out, wherever it is a whole value')
      .description(
        'take a text, or all payloads of a case, out of the ledger and the exports beside it; scores stay',
      )
      .option('--case <id>', 'forget the prompts, answers and reasons of this case')
      .option(
        '--media <file>',
        'forget an image or a file that was sent: the one with the bytes of this file',
      )
      .option('--substring', 'also where the text is only a part of a longer value')
      .option('--dry-run', 'show what it would touch, change nothing')
      .option('--yes', 'do not ask for confirmation; needed without a terminal')
      .option('--dir <folder>', "another folder with exports to take it out of (default: the ledger's own)"),
  ).action(async (text: string | undefined, options: ForgetOptions) => {
    if ([text, options.case, options.media].filter((what) => what !== undefined).length !== 1) {
      throw new LastgoodError({
        code: 'FORGET_WHAT',
        message: 'Name either a text, a case or a file (--media) to forget.',
        hint: 'lastgood forget "jane@example.com" --substring --dry-run, or lastgood forget --case refund-17',
      });
    }
    const { forgetJob, mediaToForget } = await import('../../jobs/ledger/db-upkeep.ts');
    const path = await ledgerOf(io, options);
    const request =
      options.media !== undefined
        ? await mediaToForget(resolve(io.cwd, options.media))
        : options.case !== undefined
          ? { kind: 'case' as const, caseId: options.case }
          : { kind: 'text' as const, text: text as string, substring: options.substring === true };
    const forgotten = (dryRun: boolean): Promise<ForgetJobReport> =>
      forgetJob(
        path,
        request,
        options.dir === undefined ? [] : [resolve(io.cwd, options.dir)],
        { root: io.cwd },
        { dryRun },
      );
    if (options.dryRun !== true && options.yes !== true) await askFirst(io, () => forgotten(true));
    const report = await forgotten(options.dryRun === true);
    if (options.json) printJson(io, { schemaVersion: 1, kind: 'forget', ...report });
    else io.out(forgetText(report));
  });
};

/** Forgetting cannot be undone: a person sees first what would go. */
async function askFirst(io: Io, look: () => Promise<ForgetJobReport>): Promise<void> {
  if (io.confirm === undefined)
    throw new LastgoodError({
      code: 'FORGET_NOT_CONFIRMED',
      message: 'Forgetting cannot be undone, and there is no terminal to ask at; nothing was changed.',
      hint: 'look with --dry-run first, then pass --yes',
    });
  io.err(forgetText(await look()));
  if (await io.confirm('Take it out for good?')) return;
  throw new LastgoodError({ code: 'FORGET_NOT_CONFIRMED', message: 'Nothing was changed.' });
}

function forgetText(report: ForgetJobReport): string {
  const { dryRun } = report;
  const lines = [
    `${dryRun ? 'would remove' : 'removed'} ${report.payloads} payloads and ${dryRun ? 'clean' : 'cleaned'} ${report.rows} rows, in ${report.snapshots.length} snapshots${report.snapshots.length === 0 ? '' : `: ${report.snapshots.join(', ')}`}`,
    ...(report.partial === 0
      ? []
      : [`${report.partial} longer values hold it as a part and stay; --substring takes it out of them too`]),
    ...report.rewritten.map((file) =>
      dryRun
        ? `would be written without it: ${terminalLine(file, 200)}`
        : `written without it: ${terminalLine(file, 200)} (git's history still has it)`,
    ),
    ...report.files.map(
      (file) => `may still hold it: ${terminalLine(file, 200)} (it is damaged; delete it and export again)`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function share(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(0).padStart(3)} %`;
}

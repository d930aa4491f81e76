// lastgood event: deploys, provider notices, incidents and notes on the timeline.

import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { when } from '../../base/numbers.ts';
import type { EventKind } from '../../engine/records/events.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, printJson, withWorkplace } from '../options/session.ts';

const KINDS = ['deploy', 'provider-notice', 'incident', 'note'] as const;

function kindOf(text: string): EventKind {
  const found = KINDS.find((k) => k === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${KINDS.join(', ')}`);
  return found;
}

export const registerEvent: Register = (program, io) => {
  const event = program
    .command('event')
    .description('what happened around the model: the timeline beside the nights');

  common(
    event
      .command('add')
      .description('put one event on the timeline')
      .requiredOption('--kind <kind>', `one of ${KINDS.join(', ')}`, kindOf)
      .requiredOption('--text <text>', 'what happened')
      .option('--at <time>', 'when, e.g. 2026-05-12T06:00:00Z (default now)')
      .option('--suite <name>', 'only this suite is concerned (default every suite)')
      .option('--ref <ref>', 'commit, ticket or URL')
      .option('--dry-run', 'check everything and print what it would add; nothing is changed'),
  ).action(
    async (
      options: CommonOptions & {
        kind: EventKind;
        text: string;
        at?: string;
        suite?: string;
        ref?: string;
        dryRun?: boolean;
      },
    ) => {
      const { addEvents, eventTime } = await import('../../engine/records/events.ts');
      const dry = options.dryRun === true;
      await withWorkplace(io, options, { mustExist: dry }, async ({ work: real }) => {
        const { dryLedger } = await import('../../engine/records/dry-run.ts');
        const work = dry ? { ...real, store: dryLedger(real.store) } : real;
        const added = {
          kind: options.kind,
          at: options.at === undefined ? work.clock.now().toISOString() : eventTime(options.at),
          text: options.text,
          ...(options.ref === undefined ? {} : { ref: options.ref }),
          suite: options.suite ?? null,
        };
        const { known, kept } = await addEvents(work, [added]);
        // As it is kept: a secret in it is masked here, too.
        const event = kept[0] ?? added;
        const document = { schemaVersion: 1, kind: 'event', event, known: known > 0 };
        if (options.json) printJson(io, dry ? { ...document, dryRun: true } : document);
        else
          io.out(
            `${known > 0 ? 'known already' : dry ? 'DRY RUN, would be added' : 'added'}: ${lineOf(event)}\n`,
          );
      });
    },
  );

  common(
    event
      .command('list')
      .argument('[suite]', 'only what concerns this suite')
      .description('the timeline, oldest first'),
  ).action(async (suite: string | undefined, options: CommonOptions) => {
    const { listEvents } = await import('../../engine/records/events.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const events = await listEvents(work.store, suite);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'events', events });
      else
        io.out(
          events.length === 0
            ? 'Nothing on the timeline. Add something: lastgood event add --kind deploy --text TEXT\n'
            : `${events.map(lineOf).join('\n')}\n`,
        );
    });
  });

  common(
    event
      .command('export')
      .argument('[suite]', 'only what concerns this suite')
      .description('write each event as one file, the same bytes every time, for git; import reads them')
      .option('--dir <folder>', 'where to write (default snapshots)'),
  ).action(async (suite: string | undefined, options: CommonOptions & { dir?: string }) => {
    const { exportEvents } = await import('../../engine/exchange/event-files.ts');
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const files = await exportEvents(work, { suite, dir: options.dir ?? 'snapshots', cwd: io.cwd });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'events-exported', files });
      else for (const file of files) io.out(`${file}\n`);
    });
  });

  common(
    event
      .command('import')
      .argument('<files...>', 'JSONL, CSV with a header line, YAML or JSON')
      .description('put many events on the timeline; those that are there already are left alone'),
  ).action(async (files: string[], options: CommonOptions) => {
    const { addEvents, readEventFile } = await import('../../engine/records/events.ts');
    const events = (await Promise.all(files.map((file) => readEventFile(resolve(io.cwd, file))))).flat();
    await withWorkplace(io, options, { mustExist: false }, async ({ work }) => {
      const { added, known } = await addEvents(work, events);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'events-imported', added, known });
      else io.out(`${added} added, ${known} known already\n`);
    });
  });
};

function lineOf(e: {
  readonly kind: string;
  readonly at: string;
  readonly text: string;
  readonly ref?: string | undefined;
  readonly suite: string | null;
}): string {
  return `${when(e.at)} UTC  ${e.kind}  ${e.suite === null ? '' : `[${terminalLine(e.suite, 40)}] `}${terminalLine(e.text, 200)}${e.ref === undefined ? '' : ` (${terminalLine(e.ref, 100)})`}`;
}

// lastgood playbook: what on-call does for one feature, with the names, texts and commands of its ticket, and whether all of it works.

import type { Command } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { PlaybookOptions } from '../options/playbook-desk.ts';
import type { Register } from '../options/register.ts';
import { detailed, duration, printJson, reading } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface ShowOptions extends PlaybookOptions {
  readonly out?: string;
}

/** 1 = on-call would meet something that does not work. */
const EXITS = { works: 0, broken: 1, open: 3 } as const;

/** The address of a server, as a person types it. */
function serverAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return url;
  throw new LastgoodError({
    code: 'BAD_OPTION',
    message: '--url takes the address of the server without a password, such as https://lastgood.example.com',
  });
}

/** What both forms take. */
function described(command: Command): Command {
  return detailed(reading(command))
    .option('--environment <name>', 'where, such as production or staging (default production)')
    .option(
      '--url <address>',
      'the server whose pages are linked (default the server of this machine)',
      serverAddress,
    )
    .option(
      '--max-age <duration>',
      'how old a verified target and a drill may be (default 30d)',
      duration('--max-age', 'refused'),
    );
}

export const registerPlaybook: Register = (program, io, exit) => {
  const playbook = described(
    program
      .command('playbook')
      .argument('<feature>', 'ticket file, or name under features/')
      .description(
        'what on-call does for a feature: detect, triage, roll back, communicate, investigate, post-mortem',
      )
      .option('--out <file>', 'write all of it as Markdown'),
  );
  playbook.action(async (feature: string, options: ShowOptions) => {
    const [{ makePlaybook }, { playbookText }, { playbookMarkdown }] = await Promise.all([
      import('../options/playbook-desk.ts'),
      import('../../report/text/playbook-text.ts'),
      import('../../report/markdown/playbook-markdown.ts'),
    ]);
    const { playbook: made, mask } = await makePlaybook(io, feature, options);
    if (options.out !== undefined) {
      const { openOutput } = await import('../terminal/output.ts');
      await (await openOutput(io, options.out))(mask.text(playbookMarkdown(made)));
    }
    if (options.json) printJson(io, made);
    else if (options.verbose === true) io.out(playbookMarkdown(made));
    else io.out(playbookText(made, { style: styleOf(io), written: options.out }));
  });

  described(
    playbook
      .command('check')
      .argument('<feature>', 'ticket file, or name under features/')
      .description(
        'run every command of the playbook so that it changes nothing, and list what is broken (exit 0 works, 1 broken, 3 cannot tell)',
      ),
  ).action(async (feature: string, _: unknown, command: Command) => {
    // The parent takes the options they share wherever they stand.
    const options: PlaybookOptions = command.optsWithGlobals();
    const [{ rehearsePlaybook }, { playbookCheckText }] = await Promise.all([
      import('../options/playbook-desk.ts'),
      import('../../report/text/playbook-text.ts'),
    ]);
    const check = await rehearsePlaybook(io, feature, options);
    if (options.json) printJson(io, check);
    else io.out(playbookCheckText(check, { style: styleOf(io), verbose: options.verbose === true }));
    exit(io.signal.aborted ? 130 : EXITS[check.outcome]);
  });
};

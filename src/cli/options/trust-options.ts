// How far a command trusts the files at hand: its options, and the rules they set for everything below.

import type { Command } from 'commander';
import { projectRoot, type Trust } from '../../base/trust.ts';
import type { Io } from '../terminal/io.ts';

/** Options of every command that reads suites and releases, or runs what they name. */
export function trustOptions(command: Command): Command {
  return command
    .option('--untrusted', "a stranger's files: no code, no .env, nothing outside the repository")
    .option(
      '--no-code',
      'refuse code of the project: commands, checks, JavaScript graders, redaction modules',
    )
    .option('--allow-commands', 'run listed code that stands in no file of this working tree')
    .option('--allow-outside', 'files may name files outside the working tree');
}

/** Is this option among the words? What follows `--` is no option. */
export function isAsked(argv: readonly string[], option: string): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes(option);
}

/** The rules of one command. Read from the words themselves, because `.env` is read before the command is known. */
export function trustOf(argv: readonly string[], io: Io): Trust {
  const untrusted = isAsked(argv, '--untrusted');
  const said = new Set<string>();
  return {
    root: projectRoot(io.cwd) ?? io.cwd,
    allowOutside: isAsked(argv, '--allow-outside'),
    code: !isAsked(argv, '--no-code'),
    allowCommands: isAsked(argv, '--allow-commands') && !untrusted,
    untrusted,
    standing: new Set(),
    announce(line, local) {
      if (said.has(line) || (local && isAsked(argv, '--quiet'))) return;
      said.add(line);
      io.err(`${line}\n`);
    },
  };
}

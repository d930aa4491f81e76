// `--batch` where it is not possible: refused with the reason, instead of as an unknown option.

import { type Command, Option } from 'commander';
import { LastgoodError } from '../../base/errors.ts';

/** The command refuses `--batch` before anything is read or sent. `why` completes "`lastgood NAME` cannot use --batch: …". */
export function refuseBatch(command: Command, why: string): Command {
  command.addOption(new Option('--batch').hideHelp());
  return command.hook('preAction', (_, called) => {
    if (called !== command || command.opts<{ batch?: boolean }>().batch !== true) return;
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: `\`${nameOf(command)}\` cannot use --batch: ${why}`,
      hint: '`lastgood run --batch` stores a snapshot that other commands compare and grade',
    });
  });
}

function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

// What the commands of shipping share: who and why, the environment, and opening the log beside the ledger.

import type { Command } from 'commander';
import type { ShippingStore } from '../../core/index.ts';
import type { Io } from '../terminal/io.ts';
import { ledgerOf } from './production.ts';
import { type CommonOptions, common, type Session, withWorkplace } from './session.ts';

export interface PlaceOptions extends CommonOptions {
  readonly environment?: string;
}

export interface DecisionOptions extends PlaceOptions {
  readonly by?: string;
  readonly why?: string;
}

/** Adds `--environment` and what every command takes. */
export function placed(command: Command): Command {
  return common(
    command.option('--environment <name>', 'where, such as production or staging (default production)'),
  );
}

/** The same with `--by` and `--why`, for commands that write. */
export function deciding(command: Command): Command {
  return placed(
    command
      .option('--by <name>', "who decides (default: git's user.name)")
      .option('--why <text>', 'why; needed'),
  );
}

/** `--by`, or git's user. */
export async function decider(io: Io, options: DecisionOptions): Promise<string | undefined> {
  if (options.by !== undefined) return options.by;
  const { gitUser } = await import('../../jobs/baseline/git-user.ts');
  return gitUser(io.cwd, io.environment);
}

/** Opens the ledger and the log of shipping, and closes both whatever happens. `mustExist`: makes no ledger that is not there. */
export async function withShippingLog<T>(
  io: Io,
  options: CommonOptions & { readonly mustExist?: boolean },
  job: (session: Session & { readonly shipping: ShippingStore }) => Promise<T>,
): Promise<T> {
  const { withShipping } = await import('../../jobs/registry/open-shipping.ts');
  const { mustExist = false } = options;
  return withWorkplace(io, options, { mustExist }, async (session) =>
    withShipping(await ledgerOf(io, options), {}, (shipping) => job({ ...session, shipping })),
  );
}

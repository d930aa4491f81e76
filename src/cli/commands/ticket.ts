// lastgood ticket: the release ticket of a feature, and whether its rollout may start.

import type { Register } from '../options/register.ts';
import { type CommonOptions, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

export const registerTicket: Register = (program, io, exit) => {
  const ticket = program
    .command('ticket')
    .description('the release ticket of a feature: features/FEATURE.yaml');
  reading(
    ticket
      .command('check')
      .argument('<feature>', 'ticket file, or name under features/')
      .description(
        'what is missing before the rollout may start; no call is made (exit 0 ready, 3 not ready, 2 a wrong ticket)',
      ),
  ).action(async (feature: string, options: CommonOptions) => {
    const [{ checkTicket }, { ticketText }] = await Promise.all([
      import('../../jobs/ticket/check-ticket.ts'),
      import('../../report/text/ticket-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: false }, async ({ work }) => {
      const readiness = await checkTicket(work, feature, io.cwd);
      if (options.json) printJson(io, readiness);
      else io.out(ticketText(readiness, styleOf(io)));
      exit(readiness.ready ? 0 : 3);
    });
  });
};

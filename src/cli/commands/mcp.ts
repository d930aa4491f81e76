// lastgood mcp: the ledger, and within limits runs, as tools for coding agents over MCP.

import { LastgoodError } from '../../base/errors.ts';
import { withProduction } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions } from '../options/run-options.ts';
import { type CommonOptions, reading, withWorkplace } from '../options/session.ts';
import { withShippingLog } from '../options/shipping-options.ts';
import { VERSION } from '../options/version.ts';
import { defectText } from '../terminal/process-end.ts';
import { protocolStreams } from '../terminal/protocol-streams.ts';

type McpOptions = CommonOptions &
  Pick<RunOptionValues, 'maxCalls' | 'maxCost' | 'maxJudgeCalls' | 'maxJudgeCost' | 'prices'> & {
    readonly allowRun?: boolean;
  };

export const registerMcp: Register = (program, io) => {
  reading(
    runOptions(
      program
        .command('mcp')
        .description(
          'serve the ledger to coding agents: an MCP server on stdin and stdout, read-only by default',
        )
        .option(
          '--allow-run',
          'also offer run_suite and find_rollback_target, which call models; needs a limit',
        ),
      {
        maxCalls: 'all runs of this server together make at most so many calls',
        maxCost: 'all runs of this server together cost at most so much; needs a price file',
        maxJudgeCalls: 'judges are asked at most so often (default: the number of --max-calls again)',
        maxJudgeCost: 'judges cost at most so much (default: the amount of --max-cost again)',
        prices: true,
      },
    ),
  ).action(async (options: McpOptions) => {
    const limits = limitsOf(options);
    const [{ serveMcp }, { secretMask, secretValues }, { SECURE_RNG }] = await Promise.all([
      import('../../mcp/serve.ts'),
      import('../../base/secrets.ts'),
      import('../../engine/workplace/open-workplace.ts'),
    ]);
    const streams = protocolStreams();
    try {
      await serveMcp(
        {
          cwd: io.cwd,
          version: VERSION,
          mask: secretMask(secretValues(io.environment)),
          rng: SECURE_RNG,
          signal: io.signal,
          defect: (error) => io.err(defectText(error, io.environment)),
          withWork: ({ mustExist, signal }, job) =>
            withWorkplace({ ...io, signal }, options, { mustExist }, job),
          withProduction: (signal, job) =>
            withProduction({ ...io, signal }, options, (observations) =>
              withShippingLog({ ...io, signal }, options, (session) => job({ ...session, observations })),
            ),
        },
        streams,
        limits,
      );
    } finally {
      streams.release();
    }
  });
};

/** Runs are only offered within a limit: who asks for them is a program. */
function limitsOf({ allowRun, maxCalls, maxCost, maxJudgeCalls, maxJudgeCost }: McpOptions) {
  if (allowRun !== true) return null;
  if (maxCalls === undefined && maxCost === undefined) {
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: '--allow-run needs a limit for everything that is run: --max-calls or --max-cost',
      hint: 'lastgood mcp --allow-run --max-calls 500',
    });
  }
  return { maxCalls, maxCostUsd: maxCost, maxJudgeCalls, maxJudgeCostUsd: maxJudgeCost };
}

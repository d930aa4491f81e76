// lastgood simulate: the loopback LLM, for trying things out and for drills.

import type { Register } from '../options/register.ts';
import { printJson, wholeNumber } from '../options/session.ts';

export const registerSimulate: Register = (program, io) => {
  program
    .command('simulate')
    .description('serve simulated models on this machine, on the real wire formats')
    .option('--scenario <file>', 'scenario file (default: the one of the shipped support-triage suite)')
    .option('--port <n>', 'port (default: any free one)', wholeNumber('--port', 0))
    .option('--date <iso>', "the simulated today (default: the scenario's)")
    .option('--json', 'print the addresses as JSON')
    .action(async (options: { scenario?: string; port?: number; date?: string; json?: boolean }) => {
      const { serveScenario } = await import('../../jobs/project/simulate.ts');
      const simulator = await serveScenario({
        scenario: options.scenario,
        port: options.port,
        date: options.date,
        cwd: io.cwd,
      });
      if (options.json) {
        printJson(io, {
          schemaVersion: 1,
          kind: 'simulator',
          url: simulator.url,
          openaiBaseUrl: simulator.openaiBaseUrl,
          anthropicBaseUrl: simulator.anthropicBaseUrl,
        });
      } else {
        io.out(`Simulated models (not real ones) at ${simulator.url}; Ctrl-C ends it. In another terminal:
  export LASTGOOD_SIM_URL=${simulator.openaiBaseUrl} LASTGOOD_SIM_ANTHROPIC_URL=${simulator.anthropicBaseUrl}
  export OPENAI_API_KEY=none ANTHROPIC_API_KEY=none
`);
      }
      await new Promise<void>((resolve) => {
        if (io.signal.aborted) resolve();
        io.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await simulator.close();
    });
};

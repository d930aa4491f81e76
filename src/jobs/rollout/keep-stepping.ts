// Steps every rollout that is under way, again and again, in a process of its own: replaying a long log takes a second of a processor,
// and the server's requests must not wait for it.

import { spawn } from 'node:child_process';

export interface StepSchedule {
  /** Program and first arguments that start lastgood. */
  readonly program: readonly [string, ...string[]];
  readonly processEnvironment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly db: string;
  /** Whose rollouts. */
  readonly environment: string;
  readonly webhook?: string | undefined;
  readonly everyMs: number;
  readonly tell: (step: ScheduledStep) => void;
}

/** A step that could not be done, as the log has it. The next one tries again. */
interface ScheduledStep {
  readonly time: string;
  readonly rollouts: 'failed';
  readonly exit: number | null;
}

/** A round that takes longer than the interval delays the next one. A stop waits for the step that is under way. */
export function keepStepping(schedule: StepSchedule): { stop(): Promise<void> } {
  let isStopped = false;
  let timer: NodeJS.Timeout;
  let running: Promise<void> = Promise.resolve();
  const start = (): void => {
    running = step(schedule).finally(() => {
      if (!isStopped) timer = setTimeout(start, schedule.everyMs);
    });
  };
  timer = setTimeout(start, schedule.everyMs);
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function step({ program: [node, ...first], tell, ...schedule }: StepSchedule): Promise<void> {
  const { cwd, db, environment, webhook, processEnvironment } = schedule;
  const options = ['--environment', environment, '--by', 'lastgood serve', '--quiet'];
  const isNamed = webhook?.startsWith('env:') === true;
  const hook = webhook === undefined || isNamed ? {} : { LASTGOOD_WEBHOOK_URL: webhook };
  if (webhook !== undefined) options.push('--webhook', isNamed ? webhook : 'env:LASTGOOD_WEBHOOK_URL');
  return new Promise((done) => {
    // Addresses may hold a password or a token, which other users of the machine must not read in the list of processes.
    const child = spawn(node, [...first, 'rollout', 'step', ...options], {
      ...{
        cwd,
        env: { ...processEnvironment, LASTGOOD_DB: db, ...hook } as NodeJS.ProcessEnv,
        stdio: 'ignore',
      },
    });
    let ended = false;
    const end = (exit: number | null): void => {
      if (ended) return;
      ended = true;
      // 1 = a rollout stands still, which its alert says.
      if (exit !== 0 && exit !== 1) tell({ time: new Date().toISOString(), rollouts: 'failed', exit });
      done();
    };
    child.on('error', () => end(null));
    child.on('close', end);
  });
}

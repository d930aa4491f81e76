// How the process ends on a signal, and when something fails that nothing caught.

import { secretMask, secretValues } from '../../base/secrets.ts';

const INTERRUPTED = 130;
/** After a second interrupt. Writing takes some milliseconds; a third one does not wait for it. */
const LEAVES_WITHIN_MS = 2000;
/** Supervisors send SIGTERM or SIGHUP once, and SIGKILL ten seconds later: the second step is taken without being asked. */
const TERMINATED_AFTER_MS = 5000;
/** Exit code 1 means a regression, and Node's own code for an uncaught error is 1. */
const COULD_NOT_DO_THE_WORK = 4;

/**
 * The first signal ends gracefully (`soft`), the second at once (`hard`), the third without waiting. SIGTERM and SIGHUP
 * go through all of it by themselves.
 */
export function listenToSignals(): { readonly soft: AbortSignal; readonly hard: AbortSignal } {
  const soft = new AbortController();
  const hard = new AbortController();
  let interrupts = 0;
  const say = (text: string): void => void process.stderr.write(text);
  const interrupt = (): void => {
    interrupts++;
    if (interrupts === 1) {
      const clear = process.stderr.isTTY ? '\r\u001b[2K' : '\n';
      say(`${clear}interrupted: finishing the calls in flight; press again to leave at once\n`);
      soft.abort();
    } else if (interrupts === 2) {
      // What is cut off by this may be on the bill: a run writes it down on its way out. Who has nothing to write, or hangs, leaves all the same.
      process.on('exit', () => {
        process.exitCode = INTERRUPTED;
      });
      setTimeout(() => process.exit(INTERRUPTED), LEAVES_WITHIN_MS).unref();
      say(
        'leaving at once; what is done is kept, and a run can be finished: lastgood run --resume ID (lastgood list)\n',
      );
      hard.abort();
    } else process.exit(INTERRUPTED);
  };
  const terminate = (): void => {
    interrupt();
    if (interrupts === 1)
      setTimeout(() => {
        if (interrupts === 1) interrupt();
      }, TERMINATED_AFTER_MS).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  process.on('SIGHUP', terminate);
  return { soft: soft.signal, hard: hard.signal };
}

/** An error that nothing caught ends the process with exit code 4 and its stack, secrets masked. */
export function endOnUncaught(
  write: (text: string) => void,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const end = (error: unknown): void => {
    try {
      write(defectText(error, environment));
    } finally {
      process.exit(COULD_NOT_DO_THE_WORK);
    }
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

/** What is printed of an error that is a defect. */
export function defectText(
  error: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  const { text } = secretMask(secretValues(environment));
  return `lastgood failed in a way it should not have; this is a defect, please report it\n${text(stack)}\n`;
}

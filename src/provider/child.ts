// One child process: text in, text out, and an end that holds: the whole process group goes when the caller's signal fires.

import { spawn } from 'node:child_process';
import { kill, platform } from 'node:process';

/** More standard output than this is not an answer, in bytes. */
export const LARGEST_OUTPUT = 64 * 1024 * 1024;

/** What is kept of standard error: its end, where the reason stands. */
const STDERR_TAIL = 8 * 1024;

/** From the polite signal to the one that cannot be refused, in ms. */
const GRACE_MS = 2000;

type ChildEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'killed'; readonly by: string; readonly stderr: string }
  | { readonly kind: 'not-started'; readonly message: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'aborted' };

export interface ChildCall {
  readonly command: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export interface Child {
  /** Settles when the process has ended, or as soon as the signal fires. Never rejects. */
  readonly end: Promise<ChildEnd>;
  /** Settles when nothing of the process group is left to wait for. */
  readonly gone: Promise<void>;
  stop(): void;
}

/** Starts the command without a shell, as the leader of a process group of its own. */
export function startChild(call: ChildCall, signal: AbortSignal): Child {
  const [file = '', ...args] = call.command;
  // Windows has no process groups: there the child alone is ended.
  const grouped = platform !== 'win32';
  const child = spawn(file, args, {
    cwd: call.cwd,
    env: call.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: grouped,
    windowsHide: true,
  });
  const end = Promise.withResolvers<ChildEnd>();
  const gone = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;

  const send = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      if (grouped) kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // Nobody of the group is left.
    }
  };
  const stop = (): void => {
    if (timer !== undefined) return;
    send('SIGTERM');
    timer = setTimeout(() => {
      send('SIGKILL');
      gone.resolve();
    }, GRACE_MS);
  };
  const abort = (): void => {
    end.resolve({ kind: 'aborted' });
    stop();
  };

  const out: Buffer[] = [];
  let size = 0;
  let tail = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= LARGEST_OUTPUT) out.push(chunk);
    else {
      end.resolve({ kind: 'too-large' });
      out.length = 0;
      stop();
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_TAIL);
  });
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    end.resolve({ kind: 'not-started', message: error.message });
    gone.resolve();
  });
  child.on('close', (code, by) => {
    if (timer !== undefined) {
      clearTimeout(timer);
      // The leader is gone; whoever of its group let the polite signal pass goes now.
      send('SIGKILL');
    }
    signal.removeEventListener('abort', abort);
    const stderr = tail.toString('utf8');
    end.resolve(
      code === null
        ? { kind: 'killed', by: by ?? 'unknown', stderr }
        : { kind: 'exited', code, stdout: Buffer.concat(out).toString('utf8'), stderr },
    );
    gone.resolve();
  });
  // A command that does not read its input closes the pipe under us; its answer still counts.
  child.stdin.on('error', () => {});
  child.stdin.end(call.stdin);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return { end: end.promise, gone: gone.promise, stop };
}

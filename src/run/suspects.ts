// Failed trials that are held back while nothing has been answered: if all fail alike the run stops, and they count as never run.

import { type Failure, FailureStreak, type Release } from '../core/index.ts';
import type { OpenTrial } from './open-trial.ts';

export interface FailedTrial {
  readonly trial: OpenTrial;
  readonly failure: Failure;
}

export class Suspects {
  private readonly measuresAppErrors: boolean;
  private readonly streaks = new Map<Release, FailureStreak>();
  private held: FailedTrial[] = [];
  /** Has any trial ended otherwise than without a connection? */
  private reached = false;

  /** `measuresAppErrors`: an error of the user's application is a result. */
  constructor(measuresAppErrors: boolean) {
    this.measuresAppErrors = measuresAppErrors;
  }

  /** A trial of this release was answered; gives the held ones, which have failed each for itself. */
  answered(release: Release): readonly FailedTrial[] {
    this.reached = true;
    this.streakOf(release).answer();
    return this.held.length === 0 ? this.held : this.take(release);
  }

  /**
   * A trial has failed for good. Gives the failed trials that are to be handed over (this one among them, or not yet), and the reason
   * to stop the run, if it is one.
   */
  failed(
    trial: OpenTrial,
    failure: Failure,
  ): { readonly over: readonly FailedTrial[]; readonly stop: Failure | null } {
    const { release } = trial.job;
    this.reached ||= failure.code !== 'connection';
    const streak = this.streakOf(release);
    const over = streak.fail(failure) ? [] : this.take(release);
    const own = { trial, failure };
    if (streak.count > 0 && streak.stops(failure)) {
      this.held.push(own);
      return { over, stop: reason(failure, streak.count) };
    }
    if (streak.count === 0 || streak.answered) return { over: [...over, own], stop: null };
    this.held.push(own);
    return { over, stop: null };
  }

  /**
   * Where nothing but held trials is open, no further one will tell. Gives what is to be handed over, and a refused key, or a server that
   * no trial has reached, as a reason to stop: a suite of one case shows it too.
   */
  settle(intake: { readonly openCount: number; readonly size: number; readonly ended: boolean }): {
    readonly over: readonly FailedTrial[];
    readonly stop: Failure | null;
  } {
    const { length } = this.held;
    const last = intake.ended && length >= intake.openCount;
    if (length === 0 || (!last && length < intake.size)) return { over: [], stop: null };
    const refused = last ? this.held.find(({ failure }) => failure.code === 'auth')?.failure : undefined;
    if (refused !== undefined) return { over: [], stop: reason(refused, length) };
    const [first] = this.held;
    if (last && !this.reached && first !== undefined)
      return { over: [], stop: unreachable(first.failure, length) };
    return { over: this.takeAll(), stop: null };
  }

  /** Whether this failure is the one that its release's last trials share. */
  shared({ trial, failure }: FailedTrial): boolean {
    return this.streakOf(trial.job.release).same(failure);
  }

  takeAll(): FailedTrial[] {
    return this.held.splice(0);
  }

  private take(release: Release): FailedTrial[] {
    const own = this.held.filter(({ trial }) => trial.job.release === release);
    if (own.length > 0) this.held = this.held.filter(({ trial }) => trial.job.release !== release);
    return own;
  }

  private streakOf(release: Release): FailureStreak {
    let streak = this.streaks.get(release);
    if (streak === undefined) {
      streak = new FailureStreak(this.measuresAppErrors);
      this.streaks.set(release, streak);
    }
    return streak;
  }
}

/** The failure that many trials share as the reason why the run stops. */
function reason(failure: Failure, count: number): Failure {
  const message =
    failure.code === 'auth'
      ? failure.message
      : `${count} trials in a row failed in the same way: ${failure.message}`;
  return { ...failure, message, retryable: false, fatal: true };
}

/** Too few trials for an outage, and none of them got a connection. */
function unreachable(failure: Failure, count: number): Failure {
  const message = `no trial of ${count} got a connection: ${failure.message}`;
  return { ...failure, code: 'unreachable', message, retryable: false, fatal: true };
}

// Trials that fail one after the other in the same way: what they say of the rest of the run.

import type { Failure } from './provider.ts';

/** So many of the same from the first trial on: nothing works. */
const SAME_FROM_START = 8;
/** So many of the same after the first answer: it has stopped to work. */
const SAME_LATER = 50;
/** A refused key refuses all calls, so few are enough. */
const SAME_KEY_REFUSED = 3;
/** Failures that are facts about one case, however many cases have them. */
const OF_THE_CASE = ['content_filter', 'no_recording', 'recorded_error'];

type FailureFacts = Pick<Failure, 'cause' | 'code' | 'message'>;

/** Counts one release's failures in a row that are the same but for numbers and ids. */
export class FailureStreak {
  private readonly measuresAppErrors: boolean;
  private answers = false;
  private key = '';
  /** Failures in a row, all the same. */
  count = 0;

  /** `measuresAppErrors`: an error of the user's application is a result, and no reason to stop. */
  constructor(measuresAppErrors: boolean) {
    this.measuresAppErrors = measuresAppErrors;
  }

  /** Whether an answer has ever come. */
  get answered(): boolean {
    return this.answers;
  }

  answer(): void {
    this.answers = true;
    this.count = 0;
    this.key = '';
  }

  /** A trial has failed for good. Gives true when it continues the streak, false when it begins a new one or is no part of any. */
  fail(failure: FailureFacts): boolean {
    const key = this.counts(failure) ? sameness(failure) : '';
    const continues = key !== '' && key === this.key;
    this.key = key;
    this.count = key === '' ? 0 : continues ? this.count + 1 : 1;
    return continues;
  }

  /** Whether the streak is long enough to stop the run. A service that is slow at first is not broken. */
  stops({ cause, code }: FailureFacts): boolean {
    if (this.count === 0) return false;
    if (code === 'auth') return this.count >= SAME_KEY_REFUSED;
    return this.count >= (this.answers || cause === 'timeout' ? SAME_LATER : SAME_FROM_START);
  }

  /** Whether this failure is the one that all of the streak share. */
  same(failure: FailureFacts): boolean {
    return this.count > 0 && this.counts(failure) && sameness(failure) === this.key;
  }

  private counts({ cause, code }: FailureFacts): boolean {
    return !OF_THE_CASE.includes(code) && !(cause === 'app_error' && this.measuresAppErrors);
  }
}

/** What two failures have in common: the code, and the message without what changes from call to call (numbers, ids, times). */
function sameness({ code, message }: FailureFacts): string {
  return `${code}\n${message.replace(/[\w-]*\d[\w-]*/g, '#').slice(0, 200)}`;
}

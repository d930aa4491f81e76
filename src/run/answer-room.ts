// Bounds the memory of answers: how many calls may be in flight beside the answers that are not written yet.

/** Characters of answers in memory at a time; in UTF-16 twice as many bytes, and grading and writing copy each once or twice. */
const ROOM_CHARS = 24e6;
/** What the largest answer says of the next ones fades by this factor with each answer. */
const FADING = 0.9;

/** Counts the answers that a run holds. Answers of usual size never reach the bound. */
export class AnswerRoom {
  private heldChars = 0;
  private expectedChars = 0;

  /** Whether another call may start beside so many in flight. One call always may where nothing is held. */
  fits(inFlight: number): boolean {
    if (inFlight === 0 && this.heldChars === 0) return true;
    return this.heldChars + (inFlight + 1) * this.expectedChars <= ROOM_CHARS;
  }

  /** An answer has come; it is held until `release`. */
  hold(chars: number): void {
    this.heldChars += chars;
    this.expectedChars = Math.max(chars, FADING * this.expectedChars);
  }

  /** The answer is written. */
  release(chars: number): void {
    this.heldChars -= chars;
  }
}

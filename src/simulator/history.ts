// What a request's conversation says of the tool loop that it is in: the user's last turn, and the calls made since.

/** What happened in a conversation, in order. */
export type Happening =
  | { readonly kind: 'user'; readonly text: string }
  | { readonly kind: 'call'; readonly id: string }
  | { readonly kind: 'result' };

/** Where the model stands in the turn that it is to answer. */
export interface LoopState {
  /** The user's last turn. */
  readonly turnText: string;
  /** Calls made since then. */
  readonly callsMade: number;
  /** Which scripted path they belong to: 0 = the right one, n = the n-th wrong one. */
  readonly path: number;
  /** Results came since then: time to go on, or to answer in words. */
  readonly toolAnswered: boolean;
}

/** Reads the turn that is to be answered. The path is in the ids that this simulator gave its calls. */
export function loopState(happenings: readonly Happening[]): LoopState {
  const from = happenings.findLastIndex(({ kind }) => kind === 'user');
  const turn = happenings[from];
  const since = happenings.slice(from + 1);
  const calls = since.filter((h) => h.kind === 'call');
  return {
    turnText: turn?.kind === 'user' ? turn.text : '',
    callsMade: calls.length,
    path: pathOf(calls.at(-1)?.id ?? ''),
    toolAnswered: since.some(({ kind }) => kind === 'result'),
  };
}

/** The end of a call's id: its place in the reply, and its path unless that is the right one. */
export function idEnd(place: number, path: number): string {
  return path === 0 ? String(place) : `${place}x${path}`;
}

function pathOf(id: string): number {
  const found = /x(\d+)$/.exec(id)?.[1];
  return found === undefined ? 0 : Number(found);
}

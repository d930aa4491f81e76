// The two arms of a comparison, and one value for each of them.

export const ARMS = ['baseline', 'candidate'] as const;
export type ArmName = (typeof ARMS)[number];
export type Both<T> = Readonly<Record<ArmName, T>>;

export function both<T>(make: (arm: ArmName) => T): Both<T> {
  return { baseline: make('baseline'), candidate: make('candidate') };
}

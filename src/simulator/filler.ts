// Padding: replies of one version differ in length the way real ones do, around the version's verbosity.

import type { Draws } from './draws.ts';

/** Sentences that say nothing a grader would look for. */
const SENTENCES: readonly string[] = [
  'Thank you for your patience.',
  'We are glad to help with this.',
  'Please let us know if anything is unclear.',
  'You can answer this message directly.',
  'We have noted everything you told us.',
  'Our team is around every day of the week.',
  'We will keep you posted at every step.',
  'It helps if you keep this message at hand.',
  'We know that your time is valuable, and we try not to waste it.',
  'If something in this message does not fit what you see, tell us and we will look again.',
  'Everything you need should be in the lines above, and we are happy to go through it once more.',
  'We look at every message ourselves and read it to the end before we answer.',
  'There is no need to write a second message about the same thing.',
  'Should you have a further question, simply write it below this message.',
  'A short note from you is enough, we do not need a form.',
  'We try to keep our answers simple, so please ask if we left something out.',
];

/** Length in characters that this reply should have: core × verbosity, lognormally spread, never below the core. */
export function drawLength(core: number, verbosity: number, spread: number, draws: Draws): number {
  return Math.max(core, core * verbosity * Math.exp(spread * draws.normal()));
}

/** Adds sentences to the end of a text until its length is as close to `target` as whole sentences allow. */
export function pad(
  core: string,
  target: number,
  draws: Draws,
  sentences: readonly string[] = SENTENCES,
): string {
  let padded = core;
  let left: string[] = [];
  for (;;) {
    if (left.length === 0) left = [...sentences];
    const [sentence = ''] = left.splice(draws.pick(left.map(() => 1)), 1);
    const longer = `${padded} ${sentence}`;
    if (Math.abs(longer.length - target) >= Math.abs(padded.length - target)) return padded;
    padded = longer;
  }
}

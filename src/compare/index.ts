// Compare: snapshot × snapshot → Comparison; gate; attribution; onset over a history. Pure.

export type { Behaviour } from './attribution.ts';
export { attribute } from './attribution.ts';
export { compareSnapshots } from './compare.ts';
export type { Gated } from './gate.ts';
export { floorRules, gateOf } from './gate.ts';
export type { Onset } from './history.ts';
export { onsetOf, onsetOfRates, ratesOver } from './history.ts';
export type { AnswerVectors } from './meaning.ts';
export type { CompareOptions, Confirmation } from './options.ts';
export type { Flagged } from './screen.ts';
export { flagCases } from './screen.ts';

// Compare: snapshot × snapshot → Comparison; gate; attribution; onset over a history. Pure.

export type { CheckDesign, CheckEvidence, CheckStep, CheckWanted } from './check-steps.ts';
export { CHECK_DESIGNS, CONFIRM_TRIALS, checkStep, SORT_TRIALS, screeningTrials } from './check-steps.ts';
export { compareSnapshots } from './compare.ts';
export type { AnswerVectors } from './embedding-channel.ts';
export { floorRules } from './floors.ts';

export { onsetOf, onsetOfRates } from './history.ts';
export type { CompareOptions, Confirmation } from './options.ts';

export { flagCases } from './screen.ts';
export { firstRunOf } from './uncompared-cases.ts';

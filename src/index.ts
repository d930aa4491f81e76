// The public API: the nouns, the jobs and the reports. Nothing else is promised to stay.

export * from './core/index.ts';
export {
  comparisonHtml,
  comparisonJunit,
  comparisonMarkdown,
  comparisonText,
  rollbackMarkdown,
  rollbackText,
} from './report/index.ts';
export { loadAssignment } from './workflow/assignment.ts';
export { blessSnapshot } from './workflow/bless.ts';
export { compareStored } from './workflow/compare-stored.ts';
export { openWorkplace, SECURE_RNG, SYSTEM_CLOCK } from './workflow/open-workplace.ts';
export { findRollbackTarget } from './workflow/rollback.ts';
export { resumeRun, runSuite } from './workflow/run-suite.ts';
export type { Workplace } from './workflow/workplace.ts';

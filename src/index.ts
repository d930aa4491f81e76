// The public API: the nouns, the jobs and the reports. Nothing else is promised to stay.

export * from './core/grader-catalogue.ts';
export * from './core/index.ts';
export * from './core/policy-schema.ts';
export * from './core/prices-schema.ts';
export {
  comparisonHtml,
  comparisonJunit,
  comparisonMarkdown,
  comparisonText,
  incidentHtml,
  incidentMarkdown,
  rollbackMarkdown,
  rollbackText,
} from './report/index.ts';
export { compareStored } from './workflow/compare/compare-stored.ts';
export { JudgeLimit } from './workflow/judge/judge-limit.ts';
export { runSentinel } from './workflow/judge/judge-sentinel.ts';
export { regrade } from './workflow/judge/regrade.ts';
export { openWorkplace, SECURE_RNG, SYSTEM_CLOCK } from './workflow/open-workplace.ts';
export { bisectLayers } from './workflow/rollback/bisect.ts';
export { blessSnapshot } from './workflow/rollback/bless.ts';
export { runDrill } from './workflow/rollback/drill.ts';
export { historyOfSuite } from './workflow/rollback/history.ts';
export { findRollbackTarget } from './workflow/rollback/rollback.ts';
export { loadAssignment } from './workflow/run/assignment.ts';
export { resumeRun, runSuite } from './workflow/run/run-suite.ts';
export type { Workplace } from './workflow/workplace.ts';

// Comparison, snapshot and rollback decision, each as text, Markdown, HTML or JUnit. Pure: data in, string out.

export * from './annotations.ts';
export * from './baseline-text.ts';
export * from './bisect-text.ts';
export * from './check-json.ts';
export * from './check-markdown.ts';
export * from './check-text.ts';
export * from './comparison-html.ts';
export * from './comparison-junit.ts';
export * from './comparison-markdown.ts';
export * from './comparison-text.ts';
export * from './drill-text.ts';
export * from './escape.ts';
export * from './format.ts';
export * from './gitlab-quality.ts';
export * from './history-text.ts';
export {
  type CaseView,
  caseView,
  hasChanged,
  MOST_CASES,
  pageCases,
  worstFirst,
} from './html-cases.ts';
export type { LayerChange } from './html-sections.ts';
export { type CaseTrials, shownOutput, tellingPair } from './html-trials.ts';
export { hoursText } from './incident-detection.ts';
export * from './incident-html.ts';
export * from './incident-markdown.ts';
export * from './json-document.ts';
export * from './judge-text.ts';
export * from './release-text.ts';
export * from './rollback-runbook.ts';
export * from './rollback-text.ts';
export * from './run-text.ts';
export * from './series-svg.ts';
export * from './snapshot-text.ts';
export * from './style.ts';
export * from './table.ts';

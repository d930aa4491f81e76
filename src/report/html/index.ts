// Pages, and the parts that pages are made of. Whoever writes HTML takes them from here.

export * from './check-html.ts';
export * from './comparison-cards.ts';
export * from './comparison-html.ts';
export * from './distribution-svg.ts';
export * from './forest-svg.ts';
export * from './html.ts';
export * from './html-cards.ts';
export {
  type CaseView,
  caseView,
  hasChanged,
  MOST_CASES,
  pageCases,
} from './html-cases.ts';
export * from './html-diff.ts';
export * from './html-page.ts';
export * from './html-sections.ts';
export * from './html-trials.ts';
export * from './incident-html.ts';
export * from './rollback-html.ts';
export * from './series-svg.ts';
export { runCaseView, runPageCases, snapshotHtmlPieces } from './snapshot-html.ts';

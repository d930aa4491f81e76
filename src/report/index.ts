// Comparison, snapshot and rollback decision, each as text, Markdown, HTML or JUnit. Pure: data in, string out.

export * from './baseline-text.ts';
export * from './comparison-html.ts';
export * from './comparison-junit.ts';
export * from './comparison-markdown.ts';
export * from './comparison-text.ts';
export * from './escape.ts';
export * from './format.ts';
export * from './release-text.ts';
export * from './rollback-text.ts';
export * from './run-text.ts';
export * from './snapshot-text.ts';
export * from './style.ts';
export * from './table.ts';

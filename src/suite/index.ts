// Suites: read, checked, filtered.

export * from './filter-cases.ts';
export * from './load-suite.ts';
export * from './suite-json-schema.ts';
export * from './with-cases.ts';
export * from './with-trials.ts';

// The nouns everybody shares.

export * from './check.ts';
export * from './comparison.ts';
export * from './conversation.ts';
export * from './errors.ts';
export * from './exam.ts';
export * from './grade.ts';
export * from './grader-spec.ts';
export * from './ids.ts';
export * from './json.ts';
export * from './policy.ts';
export * from './ports.ts';
export * from './prices.ts';
export * from './provider.ts';
export * from './release.ts';
export * from './rollback.ts';
export * from './secrets.ts';
export * from './snapshot.ts';
export * from './suite.ts';
export * from './text.ts';
export * from './trial.ts';

// The nouns everybody shares.

export * from './bisect.ts';
export * from './check.ts';
export * from './comparison.ts';
export * from './conversation.ts';
export * from './drill.ts';
export * from './errors.ts';
export * from './exam.ts';
export * from './grade.ts';
export * from './grader-spec.ts';
export * from './history.ts';
export * from './ids.ts';
export * from './incident.ts';
export * from './json.ts';
export * from './judge-panel.ts';
export * from './policy.ts';
export * from './ports.ts';
export * from './prices.ts';
export * from './provider.ts';
export * from './ready-judges.ts';
export * from './release.ts';
export * from './rollback.ts';
export * from './secrets.ts';
export * from './snapshot.ts';
export * from './suite.ts';
export * from './text.ts';
export * from './trial.ts';

// History to a rollback target: candidates, screen, ranking and the conditions of verification. Runs nothing itself.

export * from './candidates.ts';
export * from './delta-debug.ts';
export * from './dependents.ts';
export * from './fresh-runs.ts';
export * from './hybrid-outcome.ts';
export * from './prove.ts';
export * from './regression.ts';
export * from './screen.ts';
export * from './steps.ts';
export * from './verification-plan.ts';
export * from './verify.ts';

// lastgood/vitest: suites as tests, and matchers for answers. Import it in a test file.

import { expect } from './load-vitest.ts';
import {
  type BehaviourOptions,
  type RubricCriterion,
  type RubricOptions,
  toMatchBehaviour,
  toPassRubric,
} from './matchers.ts';

export { type DescribeSuiteOptions, describeSuite } from './describe-suite.ts';
export type { Answer, BehaviourOptions, RubricCriterion, RubricOptions } from './matchers.ts';

expect.extend({ toPassRubric, toMatchBehaviour });

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Does the answer meet the criteria, by the judge? A judge that fails is an error, also after `not`. */
    toPassRubric(criteria: readonly RubricCriterion[], options: RubricOptions): Promise<void>;
    /** Does the answer show the behaviour that a case of a suite demands? The release is not called. */
    toMatchBehaviour(options: BehaviourOptions): Promise<void>;
  }
  interface TaskMeta {
    /** Set by `describeSuite`: what the test stands for, and how its trials went. */
    lastgood?: {
      readonly suite: string;
      readonly case?: string;
      readonly snapshot?: string;
      readonly kind?: 'passed' | 'failed' | 'not-measured';
      readonly passed?: number;
      readonly trials?: number;
    };
  }
}

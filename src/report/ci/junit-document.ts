// JUnit XML as CI servers read it: https://github.com/testmoapp/junitxml describes the form they have in common.

import { create, type XMLElement } from 'xmlbuilder';

export interface JunitSuite {
  readonly name: string;
  /** ISO 8601. */
  readonly timestamp?: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly tests: readonly JunitTest[];
}

/** A test that has no failure, no error and is not skipped has passed. */
export interface JunitTest {
  readonly name: string;
  readonly file?: string;
  readonly failure?: JunitProblem;
  readonly error?: JunitProblem;
  /** Why it was skipped. */
  readonly skipped?: string;
  readonly output?: string;
}

interface JunitProblem {
  readonly message: string;
  readonly type: string;
}

/** The whole document. Texts may hold anything: markup is escaped, and what XML cannot hold is replaced. */
export function junitDocument(suites: readonly JunitSuite[]): string {
  const root = create('testsuites', { encoding: 'UTF-8', invalidCharReplacement: '\ufffd' });
  for (const [name, count] of Object.entries(counts(suites.flatMap(({ tests }) => tests))))
    root.att(name, count);
  for (const suite of suites) addSuite(root, suite);
  return root.end({ pretty: true });
}

function addSuite(root: XMLElement, { name, timestamp, properties, tests }: JunitSuite): void {
  const element = root.ele('testsuite', {
    name,
    ...(timestamp === undefined ? {} : { timestamp }),
    ...counts(tests),
  });
  const list = element.ele('properties');
  for (const [key, value] of Object.entries(properties)) list.ele('property', { name: key, value });
  for (const test of tests) addTest(element, name, test);
}

function addTest(suite: XMLElement, classname: string, test: JunitTest): void {
  const { name, file, failure, error, skipped, output } = test;
  const element = suite.ele('testcase', { classname, name, ...(file === undefined ? {} : { file }) });
  if (failure !== undefined) element.ele('failure', { ...failure });
  if (error !== undefined) element.ele('error', { ...error });
  if (skipped !== undefined) element.ele('skipped', { message: skipped });
  if (output !== undefined) element.ele('system-out', output);
}

function counts(tests: readonly JunitTest[]): Record<'tests' | 'failures' | 'errors' | 'skipped', number> {
  const those = (key: 'failure' | 'error' | 'skipped'): number =>
    tests.filter((t) => t[key] !== undefined).length;
  return {
    tests: tests.length,
    failures: those('failure'),
    errors: those('error'),
    skipped: those('skipped'),
  };
}

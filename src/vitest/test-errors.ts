// What a test fails with. The name is what reporters show first, and tells a wrong answer from a failed measurement.

/** Where the test was declared, so that reporters point there and not into this package. */
export type DeclaredAt = string;

/** The stack from the caller of `from` on. */
export function declaredAt(from: (...args: never[]) => unknown): DeclaredAt {
  const place: { stack?: string } = {};
  Error.captureStackTrace(place, from);
  return (place.stack ?? '').replace(/^.*\n/, '');
}

/**
 * `CaseFailed`: wrong answers. `NotMeasured`: the measurement failed, which is neither a pass nor a wrong answer. `Regressed` and
 * `CannotTell`: of the comparison with the baseline.
 */
export type TestErrorName = 'CaseFailed' | 'NotMeasured' | 'Regressed' | 'CannotTell';

export function testError(name: TestErrorName, message: string, at: DeclaredAt): Error {
  const error = new Error(message);
  error.name = name;
  error.stack = `${name}: ${message}\n${at}`;
  return error;
}

// A check as JSON.

import type { CheckResult } from '../../core/index.ts';
import { jsonDocument } from './json-document.ts';

/** The check as JSON. With one suite its comparison's fields stand at the top level too, as `diff` prints them. */
export function checkJson(r: CheckResult): string {
  const only = r.suites.length === 1 ? r.suites[0]?.comparison : undefined;
  return jsonDocument(only == null ? r : { ...only, ...r, suite: only.suite });
}

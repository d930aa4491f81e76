// Where reports go: the console that vitest shows beside the test, in every reporter.

import { consoleText } from '../report/parts/escape.ts';

export function printReport(text: string): void {
  console.log(consoleText(text.trimEnd(), false));
}

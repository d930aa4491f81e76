// The pages of a check: one a suite from what the ledger holds, and an overview where there are several.

import type { CheckResult, SnapshotStore, SuiteCheck } from '../../core/index.ts';
import { diffPage } from '../../engine/pages/diff-page.ts';
import { checkHtml, examLines } from '../../report/index.ts';

export interface CheckPage {
  /** What goes between the name and `.html` of the file asked for; null = that file itself. */
  readonly suffix: string | null;
  readonly pieces: Iterable<string>;
}

/** With one compared suite its page; else an overview that links to the pages in `file`'s folder. Only one is in memory at a time. */
export async function* checkPages(
  store: SnapshotStore,
  r: CheckResult,
  file: string,
): AsyncIterable<CheckPage> {
  const [only] = r.suites;
  if (r.suites.length === 1 && only !== undefined && isCompared(only)) {
    yield { suffix: null, pieces: await suitePage(store, only) };
    return;
  }
  const pages = new Map<number, string>();
  const name = file.replace(/^.*[\\/]/, '').replace(/\.html?$/, '');
  for (const [n, s] of r.suites.entries()) {
    if (!isCompared(s)) continue;
    const suffix = `${n + 1}-${s.suite.replace(/[^\w.-]+/g, '_')}`;
    pages.set(n, `${name}.${suffix}.html`);
    yield { suffix, pieces: await suitePage(store, s) };
  }
  yield { suffix: null, pieces: [checkHtml(r, pages)] };
}

/** One page without links to others, for a stream. */
export async function checkPage(store: SnapshotStore, r: CheckResult): Promise<Iterable<string>> {
  const [only] = r.suites;
  return r.suites.length === 1 && only !== undefined && isCompared(only)
    ? suitePage(store, only)
    : [checkHtml(r)];
}

type Compared = SuiteCheck & { readonly comparison: NonNullable<SuiteCheck['comparison']> };

function isCompared(s: SuiteCheck): s is Compared {
  return s.comparison !== null && s.status !== 'first-run';
}

function suitePage(store: SnapshotStore, s: Compared): Promise<Iterable<string>> {
  const missed = s.firstRun
    .filter((c) => c.outcome !== 'pass')
    .map((c) => `${c.id}: passes ${c.passed} of ${c.trials} trials on its first run`);
  return diffPage(store, s.comparison, {
    ...(s.next === null ? {} : { next: s.next }),
    preface: [`check: gate ${s.gate}, exit code ${s.exitCode}: ${s.reason}`, ...examLines(s), ...missed],
  });
}

// GitLab code quality: one entry a regressed case, beside the line where the case stands.

import { sha256 } from '../../base/index.ts';
import { signed } from '../../base/numbers.ts';
import type { CheckResult, Place, SuiteCheck } from '../../core/index.ts';
import { jsonDocument } from '../json/json-document.ts';
import { terminalLine } from '../parts/escape.ts';
import { isPaired } from '../text/comparison-text.ts';

type Severity = 'info' | 'minor' | 'major' | 'critical' | 'blocker';

interface Entry {
  readonly description: string;
  readonly check_name: string;
  /** The same finding has the same fingerprint in the next pipeline, so that GitLab can tell new from known. */
  readonly fingerprint: string;
  readonly severity: Severity;
  readonly location: { readonly path: string; readonly lines: { readonly begin: number } };
}

/** The report's text: a JSON list, empty when all is well. */
export function gitlabQuality(r: CheckResult): string {
  return jsonDocument(r.suites.flatMap(entriesOf));
}

function entriesOf(s: SuiteCheck): Entry[] {
  const entries: Entry[] = [];
  const add = (name: string, about: string, severity: Severity, place: Place, key: string): void => {
    entries.push({
      description: terminalLine(about, 500),
      check_name: `lastgood/${name}`,
      fingerprint: sha256(`lastgood|${s.suite}|${name}|${key}`),
      severity,
      location: { path: terminalLine(place.file, 500), lines: { begin: place.line } },
    });
  };
  const place = (id: string): Place => s.places[id] ?? s.place;
  for (const c of s.firstRun)
    if (c.outcome !== 'pass')
      add(
        'first-run',
        `${s.suite}: ${c.id} passes ${c.passed} of ${c.trials} trials on its first run`,
        c.outcome === 'fail' ? 'major' : 'minor',
        place(c.id),
        c.id,
      );
  for (const d of (s.status === 'compared' ? (s.comparison?.cases ?? []) : []).filter(isPaired)) {
    if (d.verdict !== 'regressed') continue;
    add(
      'regressed',
      `${s.suite}: ${d.id} regressed, ${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials} (${signed(d.delta, 2)}): ${d.reason}`,
      d.critical ? 'critical' : 'major',
      place(d.id),
      d.id,
    );
  }
  if (entries.length === 0 && s.gate === 'fail')
    add('gate', `${s.suite}: ${s.reason}`, 'major', s.place, 'gate');
  if (entries.length === 0 && s.gate === 'inconclusive')
    add(s.status, `${s.suite}: ${s.reason}`, 'info', s.place, s.status);
  return entries;
}

// The incident command: words from the command line in, the finished post-mortem out.

import { resolve } from 'node:path';
import type { IncidentReport, ObservationStore } from '../../core/index.ts';
import { runHistory } from '../../engine/pages/diff-page.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { incidentHtml, incidentMarkdown, incidentSummary, type Style } from '../../report/index.ts';
import { writeIncident } from './incident.ts';
import { isoTime, readEvents } from './incident-events.ts';

export interface IncidentRequest {
  readonly good: string;
  readonly bad: string;
  readonly suite?: string | undefined;
  readonly since?: string | undefined;
  readonly detected?: string | undefined;
  readonly resolved?: string | undefined;
  readonly eventFile?: string | undefined;
  /** The feature whose observations show what users saw; opened by the caller, windows up to date. */
  readonly production?: { readonly feature: string; readonly observations: ObservationStore } | undefined;
  readonly format: 'text' | 'markdown' | 'html' | 'json';
  /** Of the text format. */
  readonly style?: Style | undefined;
  readonly cwd: string;
}

/** The report, its rendering, and the drafted cases as JSON lines. */
export async function incidentJob(
  work: Workplace,
  request: IncidentRequest,
): Promise<{ report: IncidentReport; text: string; cases: string }> {
  const time = (text: string | undefined, name: string): string | undefined =>
    text === undefined ? undefined : isoTime(text, name);
  const { suite } = await work.store.resolve(request.bad, { suite: request.suite, now: work.clock.now() });
  const { production } = request;
  const report = await writeIncident(work, {
    production:
      production === undefined
        ? undefined
        : async (from, to) => {
            const { incidentProduction } = await import('./incident-production.ts');
            return incidentProduction(work, production.observations, {
              ...{ feature: production.feature, cwd: request.cwd, from, to },
            });
          },
    good: request.good,
    bad: request.bad,
    suite: request.suite,
    since: time(request.since, '--since'),
    detectedAt: time(request.detected, '--detected'),
    resolvedAt: time(request.resolved, '--resolved'),
    given:
      request.eventFile === undefined
        ? undefined
        : await readEvents(resolve(request.cwd, request.eventFile), suite),
  });
  const cases = report.coverage.drafts.map((d) => `${JSON.stringify(d)}\n`).join('');
  switch (request.format) {
    case 'json':
      return { report, text: `${JSON.stringify(report, null, 2)}\n`, cases };
    case 'html':
      return {
        report,
        text: incidentHtml(report, { history: await runHistory(work.store, report.comparison) }),
        cases,
      };
    case 'text':
      return {
        report,
        text: incidentSummary(report, request.style === undefined ? {} : { style: request.style }),
        cases,
      };
    case 'markdown':
      return { report, text: incidentMarkdown(report), cases };
  }
}

// Numbers about the server itself in the text format of Prometheus.

import type { IntakeReport } from '../jobs/observe/intake.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

interface Histogram {
  readonly counts: number[];
  sum: number;
  n: number;
}

/** Counters of one server. Labels are routes, methods and states of this program, never names of users. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #rows = new Map<string, number>();
  #open = 0;

  begin(): void {
    this.#open++;
  }

  end(route: string, method: string, status: number, seconds: number): void {
    this.#open--;
    bump(this.#requests, `route="${route}",method="${method}",status="${status}"`, 1);
    const label = `route="${route}"`;
    const h = this.#durations.get(label) ?? { counts: BUCKETS.map(() => 0), sum: 0, n: 0 };
    for (const [i, most] of BUCKETS.entries()) if (seconds <= most) h.counts[i] = (h.counts[i] ?? 0) + 1;
    h.sum += seconds;
    h.n++;
    this.#durations.set(label, h);
  }

  took({ observations, outcomes, rejected }: IntakeReport): void {
    bump(this.#rows, 'kind="observation",state="added"', observations.added);
    bump(this.#rows, 'kind="observation",state="known"', observations.known);
    bump(this.#rows, 'kind="outcome",state="added"', outcomes.added);
    bump(this.#rows, 'kind="outcome",state="known"', outcomes.known);
    bump(this.#rows, 'kind="line",state="rejected"', rejected);
  }

  text(): string {
    const lines = [
      ...family('lastgood_http_requests_total', 'counter', 'Requests that were answered.'),
      ...sample('lastgood_http_requests_total', this.#requests),
      ...family(
        'lastgood_http_request_seconds',
        'histogram',
        'Time from a request to the end of its answer.',
      ),
    ];
    for (const [label, { counts, sum, n }] of this.#durations) {
      for (const [i, most] of BUCKETS.entries())
        lines.push(`lastgood_http_request_seconds_bucket{${label},le="${most}"} ${counts[i] ?? 0}`);
      lines.push(
        `lastgood_http_request_seconds_bucket{${label},le="+Inf"} ${n}`,
        `lastgood_http_request_seconds_sum{${label}} ${sum}`,
        `lastgood_http_request_seconds_count{${label}} ${n}`,
      );
    }
    lines.push(
      ...family('lastgood_http_requests_open', 'gauge', 'Requests that are being answered.'),
      `lastgood_http_requests_open ${this.#open}`,
      ...family('lastgood_intake_rows_total', 'counter', 'Rows that were sent, by what became of them.'),
      ...sample('lastgood_intake_rows_total', this.#rows),
      ...family('process_cpu_seconds_total', 'counter', 'Processor time of the process.'),
      `process_cpu_seconds_total ${cpuSeconds()}`,
      ...family('process_resident_memory_bytes', 'gauge', 'Memory of the process.'),
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    );
    return `${lines.join('\n')}\n`;
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function bump(map: Map<string, number>, label: string, by: number): void {
  map.set(label, (map.get(label) ?? 0) + by);
}

function family(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, values: ReadonlyMap<string, number>): string[] {
  return [...values].map(([label, value]) => `${name}{${label}} ${value}`);
}

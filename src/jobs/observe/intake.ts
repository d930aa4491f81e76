// Takes lines of observations and outcomes into the store: many senders share one transaction, and each waits for its commit.

import type { JsonValue } from '../../base/json.ts';
import type { LossReport } from '../../core/import-result.ts';
import type {
  BatchResult,
  Observation,
  ObservationBatch,
  ObservationStore,
  Outcome,
  StoredState,
} from '../../core/index.ts';
import { type CheckedLine, checkText, checkValue, type LineKind, type LineRules } from './check-line.ts';
import type { Line, LineProblem } from './line-stream.ts';

/** A value that a reader of another tool's format made of a record. */
export interface ReadValue {
  readonly line: number;
  readonly value: JsonValue;
  readonly kind: LineKind;
}

interface RejectedLine extends LineProblem {
  readonly line: number;
}

/** What a stream of lines came to. Everything that is counted as added or known is durable. */
export interface IntakeReport {
  readonly observations: { readonly added: number; readonly known: number };
  readonly outcomes: { readonly added: number; readonly known: number };
  readonly rejected: number;
  /** The first rejected lines. */
  readonly errors: readonly RejectedLine[];
  /** Keys that were ignored, and how often. */
  readonly unknownKeys: Readonly<Record<string, number>>;
  /** Kinds of names with too many values, which are counted as `(other)`. */
  readonly crowded: readonly string[];
  /** Of another tool's format: what did not come over. */
  readonly losses?: LossReport | undefined;
}

/** Rows of one transaction; a stream waits for each of its own batches. */
const BATCH_ROWS = 500;
/** Bytes of lines that a stream gathers before it waits. */
const BATCH_BYTES = 4 * 1024 * 1024;
const LISTED_ERRORS = 20;
const LISTED_KEYS = 50;
/** How long a batch waits for others to join it. */
const GATHER_MS = 4;

interface Waiting {
  readonly batch: ObservationBatch;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: unknown) => void;
}

/** One transaction for what many senders bring at about the same time. */
class GroupCommit {
  readonly #store: ObservationStore;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(store: ObservationStore) {
    this.#store = store;
  }

  submit(batch: ObservationBatch): Promise<BatchResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      setTimeout(() => void this.#drain(), GATHER_MS);
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        const all = await this.#store.add({
          observations: group.flatMap(({ batch }) => batch.observations),
          outcomes: group.flatMap(({ batch }) => batch.outcomes),
        });
        let [o, c] = [0, 0];
        for (const { batch, resolve } of group) {
          resolve({
            observations: all.observations.slice(o, o + batch.observations.length),
            outcomes: all.outcomes.slice(c, c + batch.outcomes.length),
            crowded: all.crowded,
          });
          o += batch.observations.length;
          c += batch.outcomes.length;
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = false;
  }

  #nextGroup(): readonly Waiting[] {
    let rows = 0;
    let end = 0;
    while (end < this.#waiting.length && rows < 2 * BATCH_ROWS) {
      const { batch } = this.#waiting[end] as Waiting;
      rows += batch.observations.length + batch.outcomes.length;
      end++;
    }
    return this.#waiting.splice(0, end);
  }
}

/** The way into a store. One for all senders of a process. */
export class ObservationIntake {
  readonly #commit: GroupCommit;
  readonly #rules: LineRules;

  constructor(store: ObservationStore, rules: LineRules) {
    this.#commit = new GroupCommit(store);
    this.#rules = rules;
  }

  /** Takes lines of JSON. What `tell` hears is durable: a stream that breaks off later keeps it. */
  async takeLines(
    lines: AsyncIterable<Line>,
    kind: LineKind | null,
    feature: string | undefined,
    tell: (report: IntakeReport) => void = () => {},
  ): Promise<IntakeReport> {
    const taking = new Taking(this.#commit, tell);
    for await (const line of lines) {
      if ('problem' in line) taking.reject(line.line, line.problem);
      else await taking.add(line.line, checkText(line.text, kind, feature, this.#rules), line.text.length);
    }
    return taking.end();
  }

  /** Takes values that were read out of another format. */
  async takeValues(
    values: Iterable<ReadValue> | AsyncIterable<ReadValue>,
    feature: string | undefined,
  ): Promise<IntakeReport> {
    const taking = new Taking(this.#commit, () => {});
    for await (const { line, value, kind } of values)
      await taking.add(line, checkValue(value, kind, feature, this.#rules), 1000);
    return taking.end();
  }
}

/** One stream on its way in. */
class Taking {
  readonly #commit: GroupCommit;
  readonly #tell: (report: IntakeReport) => void;
  #observations: Observation[] = [];
  #outcomes: Outcome[] = [];
  /** Lines of the rows that wait. */
  #lines: number[] = [];
  #bytes = 0;
  readonly #counts = { observation: { added: 0, known: 0 }, outcome: { added: 0, known: 0 } };
  #rejected = 0;
  readonly #errors: RejectedLine[] = [];
  readonly #unknown = new Map<string, number>();
  readonly #crowded = new Set<string>();

  constructor(commit: GroupCommit, tell: (report: IntakeReport) => void) {
    this.#commit = commit;
    this.#tell = tell;
  }

  reject(line: number, problem: LineProblem): void {
    this.#rejected++;
    if (this.#errors.length < LISTED_ERRORS) this.#errors.push({ line, ...problem });
  }

  async add(line: number, checked: CheckedLine, bytes: number): Promise<void> {
    if (checked.kind === 'problem') {
      this.reject(line, checked.problem);
      return;
    }
    for (const key of checked.unknown) this.#note(key.slice(0, 60));
    if (checked.kind === 'observation') {
      this.#observations.push(checked.row);
      this.#lines.push(line);
    } else this.#outcomes.push(checked.row);
    this.#bytes += bytes;
    if (this.#observations.length + this.#outcomes.length >= BATCH_ROWS || this.#bytes >= BATCH_BYTES)
      await this.#flush();
  }

  async end(): Promise<IntakeReport> {
    await this.#flush();
    return this.#report();
  }

  async #flush(): Promise<void> {
    const batch = { observations: this.#observations, outcomes: this.#outcomes };
    const lines = this.#lines;
    [this.#observations, this.#outcomes, this.#lines, this.#bytes] = [[], [], [], 0];
    if (batch.observations.length + batch.outcomes.length === 0) return;
    const result = await this.#commit.submit(batch);
    this.#tally('observation', result.observations, lines);
    this.#tally('outcome', result.outcomes, []);
    for (const kind of result.crowded) this.#crowded.add(kind);
    this.#tell(this.#report());
  }

  #tally(kind: LineKind, states: readonly StoredState[], lines: readonly number[]): void {
    for (const [i, state] of states.entries()) {
      if (state === 'expired')
        this.reject(lines[i] ?? 0, {
          code: 'LINE_EXPIRED',
          message: 'it is older than the observations that the ledger still counts',
        });
      else this.#counts[kind][state]++;
    }
  }

  #note(key: string): void {
    const known = this.#unknown.get(key);
    if (known !== undefined || this.#unknown.size < LISTED_KEYS) this.#unknown.set(key, (known ?? 0) + 1);
  }

  #report(): IntakeReport {
    return {
      observations: { ...this.#counts.observation },
      outcomes: { ...this.#counts.outcome },
      rejected: this.#rejected,
      errors: [...this.#errors],
      unknownKeys: Object.fromEntries(this.#unknown),
      crowded: [...this.#crowded],
    };
  }
}

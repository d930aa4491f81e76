// The simulated application: users come, each gets the release that the flags say, and every answer is sent as an observation.

import { setTimeout as pause } from 'node:timers/promises';
import { LastgoodError, type Rng } from '../../base/index.ts';
import type { JsonObject } from '../../base/json.ts';
import type { AnswerCounts } from '../../core/rollout-demo.ts';
import type { FlagReader } from './flag-reader.ts';

export interface DemoAppInput {
  /** Of `lastgood serve`. */
  readonly url: string;
  readonly feature: string;
  readonly flags: FlagReader;
  /** Fingerprints. */
  readonly control: string;
  readonly candidate: string;
  readonly rng: Rng;
}

/** Users served side by side. */
const WORKERS = 8;
const ANSWERS_PER_USER = 4;
/** At most so many users a second, so that the machine has time for the server. */
const USERS_PER_SECOND = 500;
const BATCH = 400;
/** Of the answers of the control. */
const INVALID_EVERY = 2000;
/** Broken answers of the candidate, once it is at fault. */
const FAULT_EVERY = 5;
export const FAULT_SHARE = 1 / FAULT_EVERY;
const DAY_MS = 86_400_000;

type Arm = 'control' | 'candidate';

export class DemoApp {
  readonly #input: DemoAppInput;
  readonly #answers: Record<Arm, number> = { control: 0, candidate: 0 };
  readonly #harmed = new Set<string>();
  #observations: JsonObject[] = [];
  #outcomes: JsonObject[] = [];
  #users = 0;
  #faulty = false;
  #firstFault: number | null = null;
  #lastCandidate = 0;

  constructor(input: DemoAppInput) {
    this.#input = input;
  }

  get counts(): AnswerCounts {
    return { ...this.#answers, usersHarmed: this.#harmed.size, users: this.#users };
  }

  /** When the first broken answer was given, ms since 1970. */
  get firstFault(): number | null {
    return this.#firstFault;
  }

  /** When a user was last given the candidate, ms since 1970. */
  get lastCandidate(): number {
    return this.#lastCandidate;
  }

  /** From now on one in five answers of the candidate is cut off. */
  breakCandidate(): void {
    this.#faulty = true;
  }

  /** Answers of the control from the two days before: what is usual. */
  async sendHistory(count: number): Promise<void> {
    const now = Date.now();
    for (let i = 0; i < count; i++)
      this.#answer(`before-${i}`, 'control', now - 2 * DAY_MS + Math.floor((i * 1.9 * DAY_MS) / count));
    await this.#send();
    this.#answers.control = 0;
  }

  /** Serves users until the signal aborts, and sends what is left. Throws `DEMO_INTAKE`. */
  async run(signal: AbortSignal): Promise<void> {
    const start = performance.now();
    const first = this.#users;
    const worker = async (): Promise<void> => {
      while (!signal.aborted) {
        const aheadMs = ((this.#users - first) / USERS_PER_SECOND) * 1000 - (performance.now() - start);
        if (aheadMs > 0) await pause(aheadMs, undefined, { signal }).catch(() => {});
        else await this.#serveUser();
        if (this.#observations.length >= BATCH) await this.#send();
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
    await this.#send();
  }

  async #serveUser(): Promise<void> {
    const { flags, feature, control, candidate } = this.#input;
    const user = `user-${++this.#users}`;
    const release = await flags.read('ai.release', control, { feature, targetingKey: user });
    const arm: Arm = release === candidate ? 'candidate' : 'control';
    if (arm === 'candidate') this.#lastCandidate = Date.now();
    for (let i = 0; i < ANSWERS_PER_USER; i++) this.#answer(`${user}-${i}`, arm, Date.now(), user);
  }

  #answer(id: string, arm: Arm, at: number, user?: string): void {
    const { control, candidate, rng } = this.#input;
    const n = ++this.#answers[arm];
    const broken =
      arm === 'candidate'
        ? this.#faulty && n % FAULT_EVERY === 0
        : n % INVALID_EVERY === 0 && user !== undefined;
    if (broken && arm === 'candidate') {
      this.#firstFault ??= at;
      this.#harmed.add(user ?? id);
    }
    this.#observations.push({
      ...{ id, at, variant: arm === 'candidate' ? candidate : control },
      ...{ schema_valid: !broken, blocked: false, latency_ms: Math.round(700 + 500 * rng.next()) },
      ...{ cost_usd: 0.0108, usage: { input_tokens: 420, output_tokens: 80 } },
    });
    // Every fourth answer is read by a person, who rejects one in ten of them.
    const review = n % 4 === 0 ? { review: n % 40 === 0 ? 'rejected' : 'accepted' } : {};
    this.#outcomes.push({ id, at, completed: n % 20 !== 0, ...review });
  }

  async #send(): Promise<void> {
    const [observations, outcomes] = [this.#observations, this.#outcomes];
    [this.#observations, this.#outcomes] = [[], []];
    await this.#post('observations', observations);
    await this.#post('outcomes', outcomes);
  }

  async #post(path: 'observations' | 'outcomes', rows: readonly JsonObject[]): Promise<void> {
    if (rows.length === 0) return;
    const { url, feature } = this.#input;
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const answer = await fetch(`${url}/v1/${path}?feature=${feature}`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body },
    });
    const text = await answer.text();
    if (answer.ok && (JSON.parse(text) as { readonly rejected: number }).rejected === 0) return;
    throw new LastgoodError({
      code: 'DEMO_INTAKE',
      message: `the server did not take ${rows.length} ${path} of the demo: ${answer.status} ${text.slice(0, 300)}`,
      exitCode: 4,
    });
  }
}

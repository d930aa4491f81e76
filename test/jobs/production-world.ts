// Production of a small support desk, day by day, with a known truth: lengths, latency and what agents did with the answers.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Mt19937 } from '../../src/stats/index.ts';
import { lastgoodHere } from '../cli/lastgood.ts';
import { normal } from '../monitor/simulated.ts';

export const DAY = 86_400_000;
/** Start of the reference, a Monday. */
export const START = Date.UTC(2026, 0, 5);
export const REFERENCE = { from: '2026-01-05', to: '2026-02-01' };

/** What changes at a moment: factors of length and latency, added shares of edits. */
export interface Truth {
  readonly length?: number;
  readonly latency?: number;
  readonly edits?: number;
  readonly errors?: number;
  /** Words of the answers instead of one letter. */
  readonly words?: readonly string[];
}

export interface DeskTraffic {
  readonly days: number;
  /** Answers of an ordinary day. */
  readonly perDay?: number;
  readonly seed?: number;
  readonly feature?: string;
  /** Share of `invoice`, whose answers are twice as long. */
  readonly invoices?: (at: number) => number;
  readonly truth?: (at: number, template: string) => Truth;
  readonly release?: (at: number) => string;
  readonly servedModel?: (at: number) => string;
  /** Leaves the answers of a time out. */
  readonly gap?: (at: number) => boolean;
}

const TEMPLATES: Readonly<Record<string, { length: number; edits: number }>> = {
  refund: { length: 200, edits: 0.1 },
  invoice: { length: 400, edits: 0.2 },
};

/** So many characters: one letter again and again, or words by chance. */
function textOf(length: number, words: readonly string[], rng: Mt19937): string {
  if (words.length === 1) return (words[0] ?? '').repeat(length).slice(0, length);
  let text = '';
  while (text.length < length) text += `${words[Math.floor(rng.next() * words.length)]} `;
  return text.slice(0, length);
}

/** Observations and outcomes as JSON lines. */
export function deskLines(t: DeskTraffic): string {
  const rng = new Mt19937(t.seed ?? 1);
  const lines: string[] = [];
  for (let day = 0; day < t.days; day++) {
    const n = Math.round(
      (t.perDay ?? 160) * ([0, 6].includes(new Date(START + day * DAY).getUTCDay()) ? 0.5 : 1),
    );
    const stray = 0.03 * normal(rng);
    for (let i = 0; i < n; i++) {
      const at = START + day * DAY + Math.floor(((i + rng.next()) / n) * DAY);
      const name = rng.next() < (t.invoices?.(at) ?? 0.4) ? 'invoice' : 'refund';
      const truth = t.truth?.(at, name) ?? {};
      const shape = TEMPLATES[name]!;
      const length = Math.round(shape.length * (truth.length ?? 1) * Math.exp(stray + 0.3 * normal(rng)));
      const edited = rng.next() < shape.edits + (truth.edits ?? 0);
      const failed = rng.next() < 0.01 + (truth.errors ?? 0);
      if (t.gap?.(at) === true) continue;
      const id = `${t.seed ?? 1}-${day}-${i}`;
      lines.push(
        JSON.stringify({
          ...{ id, at, feature: t.feature ?? 'desk', template: name, segment: i % 4 === 0 ? 'pro' : 'free' },
          release: t.release?.(at) ?? 'aaaa11112222',
          served_model: t.servedModel?.(at) ?? 'model-2026-01-01',
          ...(failed ? { error: 'timeout' } : { output: textOf(length, truth.words ?? ['x'], rng) }),
          latency_ms: Math.round(800 * (truth.latency ?? 1) * Math.exp(0.4 * normal(rng))),
        }),
        JSON.stringify({ id, at: at + 600_000, edited: edited ? 0.3 : 0, completed: !edited }),
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Stores the traffic in the ledger of a project folder, by the command line. */
export async function sendDesk(folder: string, traffic: DeskTraffic): Promise<void> {
  await writeFile(join(folder, 'traffic.jsonl'), deskLines(traffic));
  const sent = await lastgoodHere(['observe', 'traffic.jsonl', '--quiet'], { cwd: folder });
  expect({ code: sent.code, stderr: sent.stderr }).toEqual({ code: 0, stderr: '' });
}

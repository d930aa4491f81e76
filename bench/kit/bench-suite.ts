// The one suite every side of a measurement runs: N prompts of about 660 bytes, each with a check that the answer contains its case and
// one that it matches a pattern. Written as a lastgood suite, as plain lines for the floor, and as a promptfoo configuration.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const PAD = 'lorem ipsum dolor sit amet '.repeat(24).trim();
export const MODEL = 'gpt-4o-2024-11-20';
export const MAX_TOKENS = 256;

export const promptOf = (i: number): string => `case ${i} ${PAD}`;

/** What the answer to case `i` must contain, and the pattern every answer must match. */
export const needleOf = (i: number): string => `case ${i}`;
export const PATTERN = 'ANSWER-[0-9a-f]{8} case \\d+';

async function writeLines(file: string, count: number, line: (i: number) => unknown): Promise<void> {
  const out = createWriteStream(file);
  for (let i = 0; i < count; i++) if (!out.write(`${JSON.stringify(line(i))}\n`)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
}

/** `suite.yaml`, `cases.jsonl` and `release.yaml`; with three graders each case also has an upper length. */
export async function writeBenchSuite(
  folder: string,
  cases: number,
  baseUrl: string,
  graders = 2,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeLines(join(folder, 'cases.jsonl'), cases, (i) => ({
    id: `case-${i}`,
    vars: { ticket: promptOf(i) },
    grade: [{ contains: needleOf(i) }, { matches: PATTERN }, { 'max-length': 1200 }].slice(0, graders),
  }));
  await writeFile(join(folder, 'suite.yaml'), 'name: bench\ncases: [cases.jsonl]\n');
  await writeFile(
    join(folder, 'release.yaml'),
    `name: bench
route: { provider: openai, api: chat, model: ${MODEL}, base-url: "${baseUrl}" }
prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }
params: { temperature: 0, max-output-tokens: ${MAX_TOKENS} }
`,
  );
}

export interface FloorCase {
  readonly id: string;
  readonly prompt: string;
  readonly contains: string;
  readonly matches: string;
}

/** The same cases as `floor.jsonl`, one `FloorCase` a line. */
export async function writeFloorSuite(folder: string, cases: number): Promise<string> {
  const file = join(folder, 'floor.jsonl');
  await mkdir(folder, { recursive: true });
  await writeLines(
    file,
    cases,
    (i): FloorCase => ({ id: `case-${i}`, prompt: promptOf(i), contains: needleOf(i), matches: PATTERN }),
  );
  return file;
}

/** The same cases as `promptfooconfig.yaml` and `tests.jsonl`. */
export async function writePeerSuite(folder: string, cases: number, baseUrl: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeLines(join(folder, 'tests.jsonl'), cases, (i) => ({
    vars: { ticket: promptOf(i) },
    assert: [
      { type: 'contains', value: needleOf(i) },
      { type: 'regex', value: PATTERN },
    ],
  }));
  await writeFile(
    join(folder, 'promptfooconfig.yaml'),
    `prompts: ["{{ticket}}"]
providers:
  - id: openai:chat:${MODEL}
    config: { apiBaseUrl: "${baseUrl}", temperature: 0, max_tokens: ${MAX_TOKENS} }
tests: file://tests.jsonl
`,
  );
}

// Writes the suite the measurements use: N cases with a prompt of about 660 bytes, a `contains` and a `matches` grader each.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const PAD = 'lorem ipsum dolor sit amet '.repeat(24).trim();

export function promptOf(i: number): string {
  return `case ${i} ${PAD}`;
}

export async function writeBenchSuite(
  folder: string,
  cases: number,
  baseUrl: string,
  graders = 2,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines: string[] = [];
  for (let i = 0; i < cases; i++) {
    const grade = [
      { contains: `case ${i}` },
      { matches: 'ANSWER-[0-9a-f]{8} case \\d+' },
      { 'max-length': 1200 },
    ].slice(0, graders);
    lines.push(JSON.stringify({ id: `case-${i}`, vars: { ticket: promptOf(i) }, grade }));
  }
  await writeFile(join(folder, 'cases.jsonl'), `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'suite.yaml'), 'name: bench\ncases: [cases.jsonl]\n');
  await writeFile(
    join(folder, 'release.yaml'),
    `name: bench
route: { provider: openai, api: chat, model: gpt-4o-2024-11-20, base-url: "${baseUrl}" }
prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }
params: { temperature: 0, max-output-tokens: 256 }
`,
  );
}

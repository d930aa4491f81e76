// A small suite with a judge: run once against the stand-in, then graded again from what the ledger remembers of the judge's verdicts.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_TOKENS, MODEL, needleOf, promptOf } from './bench-suite.ts';

/** Writes `suite.yaml`, `release.yaml` and `judge.yaml`; `longest` makes another exam of it that asks the judge the same questions. */
export async function writeJudgedSuite(
  folder: string,
  { cases, url, longest }: { readonly cases: number; readonly url: string; readonly longest: number },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines = createWriteStream(join(folder, 'cases.jsonl'));
  for (let i = 0; i < cases; i++)
    lines.write(
      `${JSON.stringify({
        id: `case-${i}`,
        vars: { ticket: promptOf(i) },
        grade: [
          { contains: needleOf(i) },
          { 'max-length': longest },
          { rubric: [{ id: 'named', ask: 'Does the answer name its case?' }] },
        ],
      })}\n`,
    );
  lines.end();
  await once(lines, 'finish');
  const route = `route: { provider: openai, api: chat, model: ${MODEL}, base-url: "${url}" }\n`;
  await writeFile(join(folder, 'suite.yaml'), 'name: judged\njudge: judge.yaml\ncases: [cases.jsonl]\n');
  await writeFile(
    join(folder, 'release.yaml'),
    `name: bench\n${route}prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\nparams: { temperature: 0, max-output-tokens: ${MAX_TOKENS} }\n`,
  );
  await writeFile(join(folder, 'judge.yaml'), `name: judge\n${route}`);
}

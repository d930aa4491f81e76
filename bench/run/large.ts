// Memory of a run with large answers, and of one that replays a file no JavaScript string could hold.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));
const ANSWERS = 40;
const ANSWER_CHARS = 10_000_000;
/** Above 512 MB, where a V8 string ends. */
const RECORDINGS = 620;
/** The bar of a run with large answers, in MB. Answers that are not Latin-1 take two bytes a character. */
const MOST_MB = 500;

/** Prints its highest resident memory when it ends. */
const PRELOAD = `process.on('exit', () => console.error('PEAK', process.resourceUsage().maxRSS));`;

const ANSWER = `
let text = '';
for await (const chunk of process.stdin) text += chunk;
const line = JSON.parse(text).case_id + ' a line of an answer that is far too long\\n';
process.stdout.write(JSON.stringify({ output: line.repeat(${ANSWER_CHARS} / line.length) }));
`;

/** Runs the suite on a release; gives the peak in MB. */
function peakOf(folder: string, release: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = ['--import', join(folder, 'preload.mjs'), BIN, 'run', 'suites/s', '--release', release];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('close', (code) => {
      const peak = /PEAK (\d+)/.exec(err)?.[1];
      if (code === 0 && peak !== undefined) resolve(Number(peak) / 1024);
      else reject(new Error(`the run of ${release} ended with ${code}: ${err}`));
    });
  });
}

async function writeRecordings(file: string): Promise<void> {
  const stream = createWriteStream(file);
  const write = (record: object): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write(`${JSON.stringify(record)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  for (let i = 0; i < ANSWERS; i++) await write({ case_id: `c${i}`, output: 'an answer' });
  const output = 'x'.repeat(1_000_000);
  for (let i = 0; i < RECORDINGS; i++) await write({ case_id: `other-${i}`, output });
  await new Promise<void>((resolve) => stream.end(resolve));
}

const folder = await mkdtemp(join(tmpdir(), 'lastgood-large-'));
try {
  for (const name of ['.git', 'suites/s', 'releases']) await mkdir(join(folder, name), { recursive: true });
  const cases = Array.from({ length: ANSWERS }, (_, i) =>
    JSON.stringify({ id: `c${i}`, vars: { n: i }, grade: [{ contains: 'an answer' }] }),
  );
  await writeFile(join(folder, 'suites/s/suite.yaml'), 'name: s\ntrials: 1\ncases: [cases.jsonl]\n');
  await writeFile(join(folder, 'suites/s/cases.jsonl'), `${cases.join('\n')}\n`);
  await writeFile(join(folder, 'preload.mjs'), PRELOAD);
  await writeFile(join(folder, 'answer.mjs'), ANSWER);
  await writeFile(
    join(folder, 'releases/large.yaml'),
    `name: large\nroute: { provider: command, command: [${JSON.stringify(process.execPath)}, answer.mjs], cwd: .. }\n`,
  );
  await writeFile(
    join(folder, 'releases/tape.yaml'),
    'name: tape\nroute: { provider: replay, file: tape.jsonl }\n',
  );
  const large = await peakOf(folder, 'releases/large.yaml');
  console.log(
    `${ANSWERS} answers of ${ANSWER_CHARS / 1e6} MB: ${large.toFixed(0)} MB at most (bar ${MOST_MB})`,
  );
  await writeRecordings(join(folder, 'releases/tape.jsonl'));
  const tape = await peakOf(folder, 'releases/tape.yaml');
  console.log(`recordings of ${RECORDINGS} MB: read, ${tape.toFixed(0)} MB at most`);
  process.exitCode = large < MOST_MB ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

// The worker thread: runs a regular expression, a schema with patterns or a user's grader module, and posts the answer back.

import { readFile } from 'node:fs/promises';
import { stderr, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import type { JsonValue } from '../base/json.ts';
import { normalizeNewlines, sha256 } from '../base/json.ts';
import { type PatternJob, runPattern } from './pattern-run.ts';
import { type SchemaJob, schemaProblem } from './schema-check.ts';
import { readUserVerdict, type ScriptJob } from './user-verdict.ts';
import type { WorkerAnswer } from './worker-pool.ts';

// The thread's own streams, not the program's: what user code prints is dropped instead of piling up unread.
for (const stream of [stdout, stderr]) stream.write = () => true;

type GraderFunction = (input: ScriptJob['input']) => unknown;
const modules = new Map<string, GraderFunction>();

async function answerTo(job: PatternJob | SchemaJob | ScriptJob): Promise<WorkerAnswer> {
  switch (job.kind) {
    case 'pattern':
      return { kind: 'value', value: runPattern(job) as JsonValue };
    case 'schema':
      return { kind: 'value', value: await schemaProblem(job.schema, job.value) };
    case 'script': {
      const grade = await graderFunction(job);
      const verdict = readUserVerdict(await grade(job.input));
      return typeof verdict === 'string'
        ? { kind: 'error', message: verdict }
        : { kind: 'value', value: { ...verdict } };
    }
  }
}

async function graderFunction(job: ScriptJob): Promise<GraderFunction> {
  const key = `${job.sourceHash} ${job.export} ${job.path}`;
  const known = modules.get(key);
  if (known !== undefined) return known;
  // The exam names the module by its content: grading with another content under that name would be a lie.
  const hash = sha256(normalizeNewlines(await readFile(job.path, 'utf8')));
  if (hash !== job.sourceHash)
    throw new Error('the module is not the one this suite was read with: it has changed since');
  const loaded = (await import(pathToFileURL(job.path).href)) as Record<string, unknown>;
  const exported = loaded[job.export];
  if (typeof exported !== 'function') {
    const names = Object.keys(loaded).join(', ') || 'nothing';
    throw new Error(`the module exports no function "${job.export}" (it exports ${names})`);
  }
  modules.set(key, exported as GraderFunction);
  return exported as GraderFunction;
}

parentPort?.on('message', (job: PatternJob | SchemaJob | ScriptJob) => {
  answerTo(job)
    .catch((error: unknown): WorkerAnswer => {
      const message =
        error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`;
      return { kind: 'error', message };
    })
    .then(
      (answer) => parentPort?.postMessage(answer),
      () => undefined,
    );
});
parentPort?.postMessage({ ready: true });

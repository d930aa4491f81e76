// The writing thread: a connection of its own to the ledger, one transaction per request, each answered when it is durable.

import { stderr, stdout } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from '../../base/sent-error.ts';
import { placesOf } from '../model/portable-paths.ts';
import { packedTexts } from './case-rows.ts';
import { PackedAhead } from './cases-ahead.ts';
import { SqliteLedger } from './ledger.ts';
import { mustBeSameFile, openLedgerFile } from './open.ts';
import type { LedgerTask, ThreadReply, ThreadRequest, ThreadStart, ThreadTask } from './thread-message.ts';

// The thread's own streams, not the program's: they are not read.
for (const stream of [stdout, stderr]) stream.write = () => true;

const { path, identity, busyTimeoutMs, project } = workerData as ThreadStart;
// Before it is opened, which would already write to another file in its place.
mustBeSameFile({ path, identity });
const file = await openLedgerFile(path, { create: false, busyTimeoutMs });
const ledger = new SqliteLedger(file, placesOf(project));

const port = parentPort;
if (port === null) throw new Error('this file is the start of a thread');
const reply = (message: ThreadReply): void => port.postMessage(message);

const ahead = new PackedAhead();

function taskOf(task: ThreadTask): LedgerTask {
  if (task.kind === 'unpacked') return { kind: 'cases', rows: packedTexts(task.rows) };
  if (task.kind === 'ahead') return { kind: 'cases', rows: ahead.take(task.rows) };
  // Trials come when all cases are written.
  if (task.kind !== 'cases') ahead.clear();
  return task;
}

async function work(request: ThreadRequest): Promise<void> {
  switch (request.kind) {
    case 'pack':
      ahead.pack(request.rows);
      return;
    case 'unpack':
      ahead.clear();
      return;
    case 'close':
      await ledger.close();
      port?.close();
      return;
    case 'task':
      try {
        reply({ kind: 'done', no: request.no, ids: await ledger.runHere(taskOf(request.task)) });
      } catch (error) {
        reply({ kind: 'failed', no: request.no, error: sentError(error) });
      }
  }
}

// One request after the other, in the order they came.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: ThreadRequest) => {
  last = last.then(() => work(request));
});
reply({ kind: 'ready' });

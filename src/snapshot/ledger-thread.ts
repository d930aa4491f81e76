// The writing thread: a connection of its own to the ledger, one transaction per request, each answered when it is durable.

import { stderr, stdout } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteLedger } from './ledger.ts';
import { openLedgerFile } from './open.ts';
import { placesOf } from './places.ts';
import { sentError, type ThreadReply, type ThreadRequest, type ThreadStart } from './thread-message.ts';

// The thread's own streams, not the program's: nobody reads them.
for (const stream of [stdout, stderr]) stream.write = () => true;

const { path, busyTimeoutMs, project } = workerData as ThreadStart;
const file = await openLedgerFile(path, { create: false, busyTimeoutMs });
const ledger = new SqliteLedger(file, placesOf(project));

const port = parentPort;
if (port === null) throw new Error('this file is the start of a thread');
const reply = (message: ThreadReply): void => port.postMessage(message);

// One request after the other, in the order they came.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: ThreadRequest) => {
  last = last.then(async () => {
    if (request.no === null) {
      await ledger.close();
      port.close();
      return;
    }
    const { no, task } = request;
    try {
      reply({ kind: 'done', no, ids: await ledger.runHere(task) });
    } catch (error) {
      reply({ kind: 'failed', no, error: sentError(error) });
    }
  });
});
reply({ kind: 'ready' });

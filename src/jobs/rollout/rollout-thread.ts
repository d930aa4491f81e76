// The thread that reads rollouts and does what people decide about them: replaying a long log takes a second of a processor, and the
// server's requests must not wait for it.

import { arch, version as nodeVersion, platform, stderr, stdout } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from '../../base/sent-error.ts';
import { openWorkplace } from '../../engine/workplace/open-workplace.ts';
import { webhookOf } from '../../engine/workplace/webhook-address.ts';
import { openProduction } from '../observe/open-production.ts';
import { openShippingLog } from '../registry/open-shipping.ts';
import { decideRollout } from './decide-rollout.ts';
import { noRollout } from './rollout-log.ts';
import { type RolloutState, rolloutReport } from './rollout-report.ts';
import { RolloutStates } from './rollout-states.ts';
import { stepRollout } from './step-rollout.ts';
import type {
  RolloutQuestion,
  RolloutThreadReply,
  RolloutThreadRequest,
  RolloutThreadStart,
} from './thread-message.ts';

// The thread's own streams, not the program's: they are not read.
for (const stream of [stdout, stderr]) stream.write = () => true;

const { db, project, version, variables, webhook } = workerData as RolloutThreadStart;
const port = parentPort;
if (port === null) throw new Error('this file is the start of a thread');

const never = new AbortController().signal;

async function open() {
  const work = await openWorkplace({
    ...{ db, root: project, environment: variables, version, node: nodeVersion },
    ...{ platform: `${platform}-${arch}`, signal: never, hardSignal: never, mustExist: true },
    progress: { warn() {}, step() {} },
  });
  return { work, states: new RolloutStates(work.store), shipping: await openShippingLog(db) };
}

let opened: ReturnType<typeof open> | null = null;

async function answer(question: RolloutQuestion): Promise<readonly RolloutState[]> {
  opened ??= open().catch((error) => {
    opened = null;
    throw error;
  });
  const { work, states, shipping } = await opened;
  if (question.kind === 'list') return states.all(question.environment);
  const { feature, environment } = question;
  const place = { feature, environment };
  if (question.kind === 'show') {
    const state = await states.of(place);
    if (state === null) throw noRollout(place);
    return [state];
  }
  const desk = { work, shipping, webhook: webhookOf(work, webhook) };
  const production = await openProduction(db, { create: false });
  try {
    const state =
      question.kind === 'step'
        ? await stepRollout(desk, production, place, question.by)
        : await decideRollout(desk, production, question);
    return [state];
  } finally {
    await production.close();
  }
}

async function work(request: RolloutThreadRequest): Promise<void> {
  const reply = (message: RolloutThreadReply): void => port?.postMessage(message);
  if (request.no === null) {
    const parts = await opened?.catch(() => null);
    await parts?.shipping.close();
    await parts?.work.store.close();
    port?.close();
    return;
  }
  const { no, question } = request;
  try {
    reply({ no, reports: (await answer(question)).map(rolloutReport) });
  } catch (error) {
    reply({ no, error: sentError(error) });
  }
}

// One after the other, in the order they came.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: RolloutThreadRequest) => {
  last = last.then(() => work(request));
});

// npm run bench:import -- [--traces 10000] [--bytes 200000000] [--document]
// Imports made-up OpenTelemetry traces with the real command, and reports time and peak memory against 30 s and 300 MB.
// `--document` writes all traces as one JSON document instead of a request a line. Exit 1 when a limit is missed.

import { createWriteStream, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { measure } from './kit/measure.ts';

const { values } = parseArgs({
  options: {
    traces: { type: 'string', default: '10000' },
    bytes: { type: 'string', default: '200000000' },
    document: { type: 'boolean', default: false },
  },
});
const traces = Number(values.traces);
const bytes = Number(values.bytes);
const LIMIT_S = 30;
const LIMIT_MB = 300;

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
const text = (stringValue: string): object => ({ stringValue });

/** One trace: an agent's span, the call to the model below it, and a tool. */
function trace(n: number): object {
  const filler = `ticket ${n}: ${'the parcel is late and nobody answers. '.repeat(Math.max(1, Math.round((bytes / traces - 1700) / 40)))}`;
  const traceId = hex(n + 1, 32);
  const span = (id: number, parent: string, name: string, attributes: object[]): object => ({
    traceId,
    spanId: hex(n * 4 + id, 16),
    parentSpanId: parent,
    name,
    kind: 3,
    startTimeUnixNano: `17900000${String(n).padStart(5, '0')}000000`,
    endTimeUnixNano: `17900000${String(n).padStart(5, '0')}900000`,
    attributes,
    status: {},
  });
  const attribute = (key: string, value: object): object => ({ key, value });
  return {
    resource: { attributes: [attribute('service.name', text('desk'))] },
    scopeSpans: [
      {
        scope: { name: 'bench' },
        spans: [
          span(1, '', 'invoke_agent desk', [attribute('gen_ai.operation.name', text('invoke_agent'))]),
          span(2, hex(n * 4 + 1, 16), 'chat gpt-x', [
            attribute('gen_ai.operation.name', text('chat')),
            attribute('gen_ai.request.model', text('gpt-x-2026-05-01')),
            attribute('gen_ai.usage.input_tokens', { intValue: '900' }),
            attribute('gen_ai.usage.output_tokens', { intValue: '20' }),
            attribute(
              'gen_ai.input.messages',
              text(JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: filler }] }])),
            ),
            attribute(
              'gen_ai.output.messages',
              text(
                JSON.stringify([
                  {
                    role: 'assistant',
                    parts: [{ type: 'text', content: `It comes on day ${n % 30}.` }],
                    finish_reason: 'stop',
                  },
                ]),
              ),
            ),
          ]),
          span(3, hex(n * 4 + 1, 16), 'execute_tool track', [
            attribute('gen_ai.operation.name', text('execute_tool')),
          ]),
        ],
      },
    ],
  };
}

const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-import-'));
try {
  const file = join(folder, values.document ? 'traces.json' : 'traces.jsonl');
  const out = createWriteStream(file);
  if (values.document) out.write('{"resourceSpans":[');
  for (let n = 0; n < traces; n++) {
    const one = JSON.stringify(trace(n));
    const line = values.document ? `${n === 0 ? '' : ','}${one}` : `{"resourceSpans":[${one}]}\n`;
    if (!out.write(line)) await new Promise<void>((done) => out.once('drain', () => done()));
  }
  out.end(values.document ? ']}' : '');
  await finished(out);

  const ran = await measure([
    join(import.meta.dirname, '../bin/lastgood.js'),
    'import',
    file,
    '--to',
    join(folder, 'suite'),
    '--json',
  ]);
  const seconds = ran.wallMs / 1000;
  const megabytes = ran.rssMb;
  const { code, stdout: printed } = ran;
  const { cases, recordings } = JSON.parse(printed) as { cases: number; recordings: number };
  console.log(
    `${traces} traces, ${(statSync(file).size / 1e6).toFixed(0)} MB ${values.document ? 'in one document' : 'a request a line'}: ${cases} cases, ${recordings} recordings, exit ${code}`,
  );
  console.log(
    `time ${seconds.toFixed(1)} s (limit ${LIMIT_S} s), processor ${(ran.cpuMs / 1000).toFixed(1)} s, peak memory ${megabytes.toFixed(0)} MB (limit ${LIMIT_MB} MB)`,
  );
  process.exitCode = cases === traces && seconds < LIMIT_S && megabytes < LIMIT_MB ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

// What lastgood is measured against, as programs: `sdk` = the plain openai SDK in a loop of N workers; `floor` = the least a harness does
// for a case (undici, two checks, a hash, batched SQLite rows), without retries, limits or reports.
//   node bench/kit/loops.ts sdk|floor CASES CONCURRENCY BASE_URL [DB]

import { createHash } from 'node:crypto';
import { promptOf } from './bench-suite.ts';

const [kind = 'sdk', casesText = '1000', concurrencyText = '64', baseUrl = '', dbFile = ''] =
  process.argv.slice(2);
const cases = Number(casesText);
const concurrency = Number(concurrencyText);

function bodyOf(i: number) {
  return {
    model: 'gpt-4o-2024-11-20',
    messages: [{ role: 'user' as const, content: promptOf(i) }],
    temperature: 0,
    max_tokens: 256,
  };
}

async function workers(one: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases) await one(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

if (kind === 'sdk') {
  const { OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: 'sk-loopback-bench-key', baseURL: baseUrl, maxRetries: 0 });
  let characters = 0;
  await workers(async (i) => {
    const reply = await client.chat.completions.create(bodyOf(i));
    characters += reply.choices[0]?.message.content?.length ?? 0;
  });
  if (characters < cases) throw new Error('answers are missing');
} else {
  const [{ Pool }, { default: Database }] = await Promise.all([import('undici'), import('better-sqlite3')]);
  const address = new URL(baseUrl);
  const pool = new Pool(address.origin, { connections: concurrency });
  const db = new Database(dbFile);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec('CREATE TABLE result (id TEXT PRIMARY KEY, pass INTEGER, hash BLOB, body TEXT) WITHOUT ROWID');
  const add = db.prepare('INSERT INTO result VALUES (?, ?, ?, ?)');
  let batch: [string, number, Buffer, string][] = [];
  const flush = db.transaction(() => {
    for (const row of batch) add.run(...row);
    batch = [];
  });
  await workers(async (i) => {
    const reply = await pool.request({
      path: `${address.pathname}/chat/completions`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf(i)),
    });
    const text =
      ((await reply.body.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message
        .content ?? '';
    const pass = text.includes(`case ${i}`) && /ANSWER-[0-9a-f]{8} case \d+/.test(text);
    batch.push([`case-${i}`, pass ? 1 : 0, createHash('sha256').update(text).digest(), text]);
    if (batch.length >= 200) flush();
  });
  flush();
  db.close();
  await pool.close();
}

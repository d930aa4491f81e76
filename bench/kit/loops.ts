// What lastgood is measured against, as programs. `sdk`: the plain openai SDK in a loop of N workers that run the two checks and keep
// nothing. `floor`: the least a harness may do for a case: the same SDK over a thin fetch on undici, cases streamed from a file, two
// checks, a hash, rows written to SQLite in batches; without retries, limits, masking, history or reports.
//   node bench/kit/loops.ts sdk CASES CONCURRENCY BASE_URL
//   node bench/kit/loops.ts floor SUITE.jsonl CONCURRENCY BASE_URL DB
// The last line on stdout is the number of cases whose two checks passed.

import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type FloorCase, MAX_TOKENS, MODEL, needleOf, PATTERN, promptOf } from './bench-suite.ts';

const [kind = '', what = '', concurrencyText = '64', baseUrl = '', dbFile = ''] = process.argv.slice(2);
const concurrency = Number(concurrencyText);
const KEY = 'sk-loopback-bench-key';

const bodyOf = (prompt: string) => ({
  model: MODEL,
  messages: [{ role: 'user' as const, content: prompt }],
  temperature: 0,
  max_tokens: MAX_TOKENS,
});

const workers = (work: () => Promise<void>): Promise<unknown> =>
  Promise.all(Array.from({ length: concurrency }, work));

async function sdkLoop(cases: number): Promise<number> {
  const { OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: KEY, baseURL: baseUrl, maxRetries: 0 });
  const pattern = new RegExp(PATTERN);
  let next = 0;
  let passed = 0;
  await workers(async () => {
    while (next < cases) {
      const i = next++;
      const reply = await client.chat.completions.create(bodyOf(promptOf(i)));
      const text = reply.choices[0]?.message.content ?? '';
      if (text.includes(needleOf(i)) && pattern.test(text)) passed++;
    }
  });
  return passed;
}

async function floor(suite: string): Promise<number> {
  const [{ OpenAI }, { Pool }, { default: Database }] = await Promise.all([
    import('openai'),
    import('undici'),
    import('better-sqlite3'),
  ]);
  const pool = new Pool(new URL(baseUrl).origin, { connections: concurrency, pipelining: 1 });
  const client = new OpenAI({
    apiKey: KEY,
    baseURL: baseUrl,
    maxRetries: 0,
    // As much of a Response as the SDK's JSON path reads.
    fetch: async (address, init) => {
      const url = new URL(String(address));
      const { statusCode, headers, body } = await pool.request({
        path: url.pathname + url.search,
        method: init?.method as 'POST',
        headers: Object.fromEntries(
          init?.headers instanceof Headers ? init.headers : new Headers(init?.headers),
        ),
        body: init?.body as string,
        ...(init?.signal ? { signal: init.signal } : {}),
      });
      return {
        ok: statusCode < 300,
        status: statusCode,
        statusText: '',
        url: url.href,
        headers: new Headers(headers as Record<string, string>),
        body,
        json: () => body.json(),
        text: () => body.text(),
      } as unknown as Response;
    },
  });

  const db = new Database(dbFile);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.exec(`CREATE TABLE body (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, text TEXT NOT NULL);
    CREATE TABLE result (id TEXT PRIMARY KEY, pass INTEGER, ms REAL, tokens INTEGER, body INTEGER) WITHOUT ROWID`);
  const bodyId = db.prepare('SELECT id FROM body WHERE sha256 = ?').pluck();
  const addBody = db.prepare('INSERT INTO body (sha256, text) VALUES (?, ?)');
  const addResult = db.prepare('INSERT INTO result VALUES (?, ?, ?, ?, ?)');
  let held: [id: string, pass: boolean, ms: number, tokens: number, text: string][] = [];
  const flush = db.transaction(() => {
    for (const [id, pass, ms, tokens, text] of held) {
      const key = hash('sha256', text, 'buffer');
      addResult.run(id, pass ? 1 : 0, ms, tokens, bodyId.get(key) ?? addBody.run(key, text).lastInsertRowid);
    }
    held = [];
  });

  const patterns = new Map<string, RegExp>();
  const lines = createInterface({ input: createReadStream(suite) })[Symbol.asyncIterator]();
  let passed = 0;
  await workers(async () => {
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      const { id, prompt, contains, matches } = JSON.parse(line.value) as FloorCase;
      const started = performance.now();
      const reply = await client.chat.completions.create(bodyOf(prompt));
      const text = reply.choices[0]?.message.content ?? '';
      const pattern = patterns.get(matches) ?? new RegExp(matches);
      patterns.set(matches, pattern);
      const pass = text.includes(contains) && pattern.test(text);
      if (pass) passed++;
      held.push([id, pass, performance.now() - started, reply.usage?.total_tokens ?? 0, text]);
      if (held.length >= 200) flush();
    }
  });
  flush();
  db.close();
  await pool.close();
  return passed;
}

console.log(kind === 'sdk' ? await sdkLoop(Number(what)) : await floor(what));
// The plain SDK keeps its sockets open for a while; a harness would not wait for them.
process.exit(0);

// npm run bench:parity -- [--only NAME,…] [--write]
// Runs the parity configurations with the real promptfoo and with lastgood on one loopback service, and compares pass and fail of every
// test. Installs promptfoo into $LASTGOOD_BENCH_WORK first (2-3 minutes, 2 GB). `--write` keeps promptfoo's verdicts for the tests.
// Exit 0 when all are equal, 1 when one differs.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { slug } from '../../src/intake/index.ts';
import { answerServer } from '../../test/intake/parity/answer-server.ts';
import { PARITY, type ParityConfig } from '../../test/intake/parity/configs.ts';
import { KEYS, runOurs, type Verdicts, verdictKey, writeConfig } from '../../test/intake/parity/run-ours.ts';
import { installPeer, PEER, PEER_ENV } from '../run/peer.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, write: { type: 'boolean', default: false } },
});
const EXPECTED = join(import.meta.dirname, '../../test/fixtures/promptfoo-parity.json');

interface Result {
  readonly vars: Record<string, unknown>;
  readonly provider: { readonly label?: string; readonly id: string };
  readonly prompt: { readonly label: string };
  readonly success: boolean;
  readonly failureReason: number;
  readonly error?: string;
}

/** promptfoo's verdicts by the names that the import gives to releases. */
async function runPeer(program: string, parity: ParityConfig, url: string, dir: string): Promise<Verdicts> {
  const config = await writeConfig(parity, url, dir);
  const out = join(dir, 'out.json');
  let said = '';
  const child = spawn(
    process.execPath,
    [program, 'eval', '-c', config, '-o', out, '--no-cache', '--no-table', '--no-progress-bar'],
    {
      cwd: dir,
      env: { ...process.env, ...PEER_ENV, ...KEYS, PROMPTFOO_CONFIG_DIR: join(dir, '.promptfoo') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  await new Promise((done) => child.on('close', done));
  const text = await readFile(out, 'utf8').catch(() => {
    throw new Error(`${parity.name}: promptfoo wrote no results: ${said.slice(-2000)}`);
  });
  const { results } = (JSON.parse(text) as { results: { results: Result[] } }).results as unknown as {
    results: Result[];
  };
  const prompts = new Set(results.map((r) => r.prompt.label)).size;
  const verdicts: Verdicts = {};
  for (const r of results) {
    if (r.failureReason === 2) throw new Error(`${parity.name}: promptfoo failed: ${r.error}`);
    const wanted =
      prompts === 1 ? (r.provider.label ?? r.provider.id) : `${r.provider.label} ${r.prompt.label}`;
    verdicts[verdictKey(slug(wanted, 60), r.vars)] = r.success;
  }
  return verdicts;
}

const wanted = values.only?.split(',');
const chosen = PARITY.filter(({ name }) => wanted === undefined || wanted.includes(name));
console.error(`${PEER} …`);
const program = await installPeer();
const server = await answerServer();
const folder = await mkdtemp(join(tmpdir(), 'lastgood-parity-'));
const kept: Record<string, Verdicts> = {};
let [tests, different] = [0, 0];
try {
  console.log(`${'configuration'.padEnd(28)} tests  passed by ${PEER}  equal here`);
  for (const parity of chosen) {
    const theirs = await runPeer(program, parity, server.url, join(folder, parity.name, 'peer'));
    const ours = await runOurs(parity, server.url, join(folder, parity.name, 'ours'));
    kept[parity.name] = theirs;
    const keys = Object.keys(theirs);
    // A test without an assertion passes there; here it is a draft, which passes nothing.
    const unequal = keys.filter((key) => !(key in ours) || (ours[key] !== null && ours[key] !== theirs[key]));
    const extra = Object.keys(ours).filter((key) => !(key in theirs));
    tests += keys.length;
    different += unequal.length + extra.length;
    const passed = keys.filter((key) => theirs[key] === true).length;
    console.log(
      `${parity.name.padEnd(28)} ${String(keys.length).padStart(5)}  ${String(passed).padStart(10 + PEER.length)}  ${keys.length - unequal.length} of ${keys.length}`,
    );
    for (const key of unequal) console.log(`  differs: ${key}: there ${theirs[key]}, here ${ours[key]}`);
    for (const key of extra) console.log(`  only here: ${key}`);
  }
} finally {
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
console.log(`${chosen.length} configurations, ${tests} tests, ${different} different`);
if (values.write) {
  const known = JSON.parse(await readFile(EXPECTED, 'utf8').catch(() => '{}')) as Record<string, Verdicts>;
  const all = PARITY.map(({ name }) => [name, kept[name] ?? known[name] ?? {}] as const);
  await writeFile(EXPECTED, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
}
process.exitCode = different === 0 ? 0 : 1;

// promptfoo, the peer the whole run is measured against: installed outside the project, called with its reporting and update checks off.

import { type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const PEER = 'promptfoo@0.123.1';

/** Where installs and runs are kept; about 2 GB with the peer. */
export const WORK = process.env['LASTGOOD_BENCH_WORK'] ?? join(tmpdir(), 'lastgood-bench');

const HOME = join(WORK, 'promptfoo');
const PACKAGE = join(HOME, 'node_modules/promptfoo');

/** The peer's program, or null when it is not installed in the version that is compared with. */
export function peerProgram(): string | null {
  const file = join(PACKAGE, 'package.json');
  if (!existsSync(file)) return null;
  const { version, bin } = JSON.parse(readFileSync(file, 'utf8')) as {
    version: string;
    bin: Record<string, string>;
  };
  return PEER.endsWith(`@${version}`) && bin['promptfoo'] !== undefined
    ? join(PACKAGE, bin['promptfoo'])
    : null;
}

/** Runs npm under this very Node; addons that are compiled find its headers and not those of another Node on the machine. */
export async function npm(args: readonly string[], options: SpawnOptions): Promise<string> {
  const bin = dirname(process.execPath);
  const headers = [
    join(bin, '..'),
    join(bin, `../node_modules/node-${process.platform}-${process.arch}`),
  ].find((folder) => existsSync(join(folder, 'include/node/node_version.h')));
  const script = process.env['npm_execpath'];
  const [command, first] = script === undefined ? ['npm', []] : [process.execPath, [script]];
  const child = spawn(command, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
    env: {
      ...process.env,
      PATH: `${bin}:${process.env['PATH']}`,
      ...(headers === undefined ? {} : { npm_config_nodedir: headers }),
      ...options.env,
    },
  });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with exit ${code}`);
  return stdout;
}

/** Installs the peer (2-3 minutes); returns its program. */
export async function installPeer(): Promise<string> {
  const there = peerProgram();
  if (there !== null) return there;
  mkdirSync(HOME, { recursive: true });
  writeFileSync(join(HOME, 'package.json'), '{ "private": true }\n');
  await npm(['install', '--no-audit', '--no-fund', PEER], { cwd: HOME });
  const program = peerProgram();
  if (program === null) throw new Error(`${PEER} was installed into ${HOME}, but its program is not there`);
  return program;
}

/**
 * Its documented switches against telemetry, update checks and calls to its makers' servers. With telemetry off it still reports that it
 * is off; the proxy, a closed port for https alone, keeps that on this machine.
 */
export const PEER_ENV = {
  PROMPTFOO_DISABLE_TELEMETRY: '1',
  PROMPTFOO_DISABLE_UPDATE: '1',
  PROMPTFOO_DISABLE_REMOTE_GENERATION: '1',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_COLOR: '1',
  NODE_NO_WARNINGS: '1',
} as const;

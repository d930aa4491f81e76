// What installing the packed tool brings: npm packs it, then installs the tarball into an empty folder as a user would.

import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from './peer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface InstalledSize {
  readonly direct: number;
  readonly packages: number;
  readonly megabytes: number;
}

/** Bytes on disk, in whole blocks. */
async function diskBytes(path: string): Promise<number> {
  const info = await lstat(path);
  let sum = info.blocks * 512;
  if (info.isDirectory()) for (const name of await readdir(path)) sum += await diskBytes(join(path, name));
  return sum;
}

export async function installedSize(folder: string): Promise<InstalledSize> {
  await mkdir(folder, { recursive: true });
  await npm(['pack', '--silent', '--pack-destination', folder], { cwd: ROOT });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack wrote no tarball');
  const home = join(folder, 'user');
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{ "private": true }\n');
  await npm(['install', '--omit=dev', '--no-audit', '--no-fund', '--silent', join(folder, tarball)], {
    cwd: home,
  });

  const modules = join(home, 'node_modules');
  const own = JSON.parse(await readFile(join(modules, 'lastgood/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8')) as {
    packages: Record<string, { optional?: boolean }>;
  };
  return {
    direct: Object.keys(own.dependencies).length,
    packages: Object.keys(lock.packages).length,
    megabytes: (await diskBytes(modules)) / 1024 ** 2,
  };
}

// Whether dist/ was built from the sources as they are: by path, size and time of each file, so that no older build runs unnoticed.
// Every start asks, so it is kept to what costs little: no hash, no URL for a file.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('../', import.meta.url));

/** The file that says what `dist` was built from; written last. */
export const STAMP = `${TOP}dist/built-from`;

/** A path of the package, by its path from the top. */
export const path = (name) => TOP + name;

/** The sources as they are, a line a file; null in the published package, which has none. */
export function sources() {
  const lines = [];
  const add = (file) => {
    const { size, mtimeMs } = statSync(TOP + file);
    lines.push(`${file} ${size} ${mtimeMs}`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(TOP + folder, { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (name.endsWith('.ts')) add(name);
    }
  };
  if (!existsSync(`${TOP}src`)) return null;
  walk('src');
  for (const file of ['bin/build.js', 'package.json']) add(file);
  return lines.sort().join('\n');
}

function stamp() {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a build of the sources as they are lies in `dist`. */
export const isBuilt = () => stamp() === sources();

/** The module that the program starts with: a clone's build as long as it is that of the sources, then the sources. */
export function entry() {
  const now = sources();
  const file = now === null || now === stamp() ? 'dist/cli/main.js' : 'src/cli/main.ts';
  return new URL(`../${file}`, import.meta.url).href;
}

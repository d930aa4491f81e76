// The files that a source names: only inside the project of the source, and small enough to be read as a whole.

import { globSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { LastgoodError } from '../../base/errors.ts';
import { mustBeInside, mustBeReadable, trust, UnfitFile, withTrust } from '../../base/trust.ts';
import type { SourceFiles } from '../../intake/index.ts';

const LARGEST = 64 * 1024 * 1024;
/** Files that one glob may match. */
const MOST_FILES = 10_000;

/** Files beside `source`; each path is relative to its folder. */
export function sourceFiles(source: string, shown: string): SourceFiles {
  const dir = dirname(resolve(source));
  const check = (path: string): string => {
    const target = isAbsolute(path) ? path : resolve(dir, path);
    // A source comes from elsewhere: what it names must lie in its own project, whatever a library's caller may read.
    withTrust({ ...trust(), allowOutside: false, root: null }, () =>
      mustBeInside(target, source, { file: shown }),
    );
    return target;
  };
  return {
    read(path) {
      const target = check(path);
      try {
        mustBeReadable(target, LARGEST);
        const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(target));
        return { text: text.replace(/\r\n?/g, '\n'), file: near(shown, dir, target) };
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        const why =
          cause instanceof UnfitFile
            ? cause.message
            : code === 'ENOENT'
              ? 'does not exist'
              : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
                ? 'is not UTF-8 text'
                : `cannot be read (${code ?? String(cause)})`;
        throw new LastgoodError({
          code: 'IMPORT_UNREADABLE',
          message: `the file ${JSON.stringify(path)} ${why}`,
          where: { file: shown },
          cause,
        });
      }
    },
    list(pattern) {
      const fixed = pattern.split(/[\\/]/);
      const wild = fixed.findIndex((part) => /[*?[\]{}]/.test(part));
      check(wild <= 0 ? '.' : fixed.slice(0, wild).join('/') || '/');
      const found: string[] = [];
      for (const match of globSync(pattern.replaceAll('\\', '/'), { cwd: dir })) {
        if (found.length >= MOST_FILES) break;
        found.push(match);
      }
      return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    },
  };
}

/** As a person would name it from where the source was named. */
function near(shown: string, dir: string, target: string): string {
  const from = dirname(shown);
  const rest = relative(dir, target);
  return from === '.' ? rest : `${from}/${rest}`;
}

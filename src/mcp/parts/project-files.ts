// The suite and release files that a client names: they must lie in the project.

import { mustBeInside } from '../../base/index.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';

/** The suite's file. Throws `SUITE_NOT_FOUND` or `PATH_OUTSIDE`. */
export async function suiteFileInside(asked: string, cwd: string): Promise<string> {
  const file = await findSuiteFile(asked, cwd);
  mustBeInside(file, undefined, { key: 'suite' });
  return file;
}

/** The release's file. Throws `RELEASE_NOT_FOUND` or `PATH_OUTSIDE`. */
export async function releaseFileInside(asked: string, cwd: string): Promise<string> {
  const file = await findReleaseFile(asked, cwd);
  mustBeInside(file, undefined, { key: 'release' });
  return file;
}

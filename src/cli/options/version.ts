// The program's version, from its package.json.

import { readFileSync } from 'node:fs';
import { packageFile } from '../../base/package-files.ts';

const manifest = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  version: string;
};

export const VERSION: string = manifest.version;

// The packages for PostgreSQL are optional: only who keeps a ledger there needs them.

import { LastgoodError } from '../../base/errors.ts';

/** For the `catch` of an import: throws `LEDGER_DRIVER` where the packages are not installed, and the error itself otherwise. */
export function packageMissing(what: string, ...packages: string[]): (cause: unknown) => never {
  return (cause) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const names = packages.map((one) => one.replace(/@.*$/, '')).join(' and ');
    throw new LastgoodError({
      code: 'LEDGER_DRIVER',
      message: `${what} needs the ${packages.length === 1 ? 'package' : 'packages'} ${names}, which ${packages.length === 1 ? 'is' : 'are'} not installed`,
      hint: `npm install --save-dev ${packages.join(' ')}`,
      exitCode: 4,
      cause,
    });
  };
}

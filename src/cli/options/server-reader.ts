// Reads flags through a running server, for commands that prove what applications get.

import { LastgoodError } from '../../base/errors.ts';

/** Throws `BAD_OPTION` for what is no address. */
export async function serverReader(url: string, token: string | undefined) {
  if (!/^https?:\/\/[^\s]+$/.test(url))
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: `--url takes the address of a server, not ${JSON.stringify(url.slice(0, 100))}`,
      hint: '--url http://127.0.0.1:7411',
    });
  const { ofrepReader } = await import('../../server/ofrep-reader.ts');
  return ofrepReader(url, token);
}

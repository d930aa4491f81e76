// Forgetting in a ledger file: the file, its log and its free pages hold nothing of it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkLedger, withLedgerFile } from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import { forgetContract } from './forget-contract.ts';
import { temporaryFolder } from './world.ts';

forgetContract('a file', async () => {
  const folder = await temporaryFolder();
  const place = join(folder.path, 'lastgood.db');
  return {
    place,
    away: join(folder.path, 'away.db'),
    forget: (request, options) => withLedgerFile(place, {}, (file) => forget(file, request, options)),
    async holds(text) {
      for (const end of ['', '-wal', '-shm'])
        if ((await readFile(`${place}${end}`).catch(() => Buffer.alloc(0))).includes(text)) return true;
      return false;
    },
    problems: async () => (await withLedgerFile(place, {}, checkLedger)).problems,
    dispose: async () => folder[Symbol.asyncDispose](),
  };
});

// What every SnapshotStore must do, whatever it stands on. An implementation's test calls `storeContract` with a way to open an empty store.

import { describe } from 'vitest';
import { keepingContract } from './contract-keeping.ts';
import { namingContract } from './contract-naming.ts';
import { resumingContract } from './contract-resuming.ts';
import type { OpenStore } from './contract-setup.ts';

export function storeContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} as a SnapshotStore`, () => {
    keepingContract(open);
    resumingContract(open);
    namingContract(open);
  });
}

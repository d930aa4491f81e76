// The snapshot room: the ledger and the files snapshots travel in.

export { FORGOTTEN, REMOVED_TEXT } from './content.ts';
export { exportSnapshot } from './export.ts';
export { type ForgetReport, type ForgetRequest, forget } from './forget.ts';
export { importSnapshot } from './import.ts';
export type { LedgerOptions } from './open.ts';
export { openLedger } from './open-ledger.ts';
export { type ProjectFolder, placesOf } from './places.ts';
export { parseReference, type Reference } from './reference.ts';
export {
  checkLedger,
  type LedgerCheck,
  type LedgerStats,
  ledgerStats,
  type PruneReport,
  type PruneRules,
  pruneLedger,
  withLedgerFile,
} from './upkeep.ts';

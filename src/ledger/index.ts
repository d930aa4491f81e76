// The snapshot room: the ledger and the files snapshots travel in.

export { exportSnapshot } from './files/export.ts';
export { type ImportCheck, importSnapshot } from './files/import.ts';
export { invalid as importRefusal } from './files/import-checks.ts';
export type { ExaminedLine } from './files/import-file.ts';
export { readBlessings } from './files/read-blessings.ts';
export { isServerAddress, shownPlace } from './model/address.ts';
export type { ForgetReport, ForgetRequest } from './model/forget-request.ts';
export { placesOf } from './model/portable-paths.ts';
export type { ProjectFolder } from './model/project-folder.ts';
export type { PruneReport } from './model/prune-rules.ts';
export { parseReference } from './model/reference.ts';
export type { LedgerCheck, LedgerStats } from './model/upkeep-report.ts';
export { openLedger } from './open-ledger.ts';
export { checkLedger, ledgerStats, pruneLedger, withLedgerFile } from './sqlite/upkeep.ts';

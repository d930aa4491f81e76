// Every code an error or a warning can have. Only types are imported from here at run time; docs/errors.md is generated from it.

import { CHECK_CODES } from './error-codes/check.ts';
import { COMMON_CODES } from './error-codes/common.ts';
import { CONFIG_CODES } from './error-codes/config.ts';
import { DISTRIBUTED_CODES } from './error-codes/distributed.ts';
import type { CatalogueEntry } from './error-codes/entry.ts';
import { FACE_CODES } from './error-codes/faces.ts';
import { FINDINGS_CODES } from './error-codes/findings.ts';
import { JOBS_CODES } from './error-codes/jobs.ts';
import { LEDGER_CODES } from './error-codes/ledger.ts';
import { PRODUCTION_CODES } from './error-codes/production.ts';
import { RELEASE_CODES } from './error-codes/release.ts';
import { SHIPPING_CODES } from './error-codes/shipping.ts';
import { SUITE_CODES } from './error-codes/suite.ts';

/** Codes by the heading they have in docs/errors.md. */
export const CATALOGUE = {
  'Options, files and the machine': COMMON_CODES,
  'Settings, prices and events': CONFIG_CODES,
  'Suites and cases': SUITE_CODES,
  'Releases, providers and requests': RELEASE_CODES,
  'The ledger and snapshots': LEDGER_CODES,
  'The pre-merge check': CHECK_CODES,
  'Jobs: judges, nights, incidents and rollbacks': JOBS_CODES,
  'Distributed runs and workers': DISTRIBUTED_CODES,
  'Production: observations, signals and the server': PRODUCTION_CODES,
  'Shipping: release tickets, registry, flags and the guard': SHIPPING_CODES,
  'MCP and Vitest': FACE_CODES,
  'Warnings and findings': FINDINGS_CODES,
} as const satisfies Record<string, Record<string, CatalogueEntry>>;

/** Code of an error that ends a command. */
export type ErrorCode =
  | keyof typeof COMMON_CODES
  | keyof typeof CONFIG_CODES
  | keyof typeof SUITE_CODES
  | keyof typeof RELEASE_CODES
  | keyof typeof LEDGER_CODES
  | keyof typeof CHECK_CODES
  | keyof typeof JOBS_CODES
  | keyof typeof DISTRIBUTED_CODES
  | keyof typeof PRODUCTION_CODES
  | keyof typeof SHIPPING_CODES
  | keyof typeof FACE_CODES;

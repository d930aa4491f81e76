// What PostgreSQL's error codes mean to the person at the terminal.

import type { ErrorCode } from '../../base/error-catalogue.ts';
import { LastgoodError } from '../../base/errors.ts';
import type { ServerAddress } from './server-address.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
}

const GONE: Meaning = {
  code: 'LEDGER_SERVER_GONE',
  says: 'The PostgreSQL server of the ledger cannot be reached.',
  hint: 'check that it runs and that host and port are right; what was stored is intact, and an interrupted run can be resumed',
};

const LOGIN: Meaning = {
  code: 'LEDGER_LOGIN',
  says: 'The PostgreSQL server refused the login.',
  hint: "check user and password of the address (a password with characters like @ / ? # is percent-encoded), and the server's pg_hba.conf",
};

const TLS: Meaning = {
  code: 'LEDGER_TLS',
  says: 'The encrypted connection to the PostgreSQL server could not be made.',
  hint: "check sslmode of the address; sslrootcert=FILE names the authority that signed the server's certificate",
};

const DAMAGED: Meaning = {
  code: 'LEDGER_CORRUPT',
  says: "The ledger's tables are not what lastgood made.",
  hint: '`lastgood db check` lists what is damaged; restore a backup, or import exported snapshots into another schema (?schema=NAME)',
};

const BUSY: Meaning = {
  code: 'LEDGER_BUSY',
  says: 'The PostgreSQL server has no room for this work now.',
  hint: 'see what else uses it, lower `pool` in the address, then run again; an interrupted run can be resumed',
};

/** By SQLSTATE, whole or its class. */
const MEANINGS: readonly (readonly [start: string, meaning: Meaning])[] = [
  ['28', LOGIN],
  [
    '3D000',
    {
      code: 'LEDGER_NO_DATABASE',
      says: 'The PostgreSQL server has no such database.',
      hint: 'make it first (`createdb NAME`), or correct the name in the address',
    },
  ],
  [
    '42501',
    {
      code: 'LEDGER_RIGHTS',
      says: 'The user of the address may not do this in the database.',
      hint: "grant it CREATE on the database, or on the ledger's schema and its tables",
    },
  ],
  [
    '25006',
    {
      code: 'LEDGER_READONLY',
      says: 'The PostgreSQL server is a read-only replica, or only allows reading.',
      hint: 'use the address of the primary server',
    },
  ],
  [
    '53100',
    {
      code: 'LEDGER_DISK_FULL',
      says: 'The disk of the PostgreSQL server is full; what was stored before is intact, this write was not made.',
      hint: 'free some space there and resume the run',
    },
  ],
  ['53', BUSY],
  ['55P03', BUSY],
  ['40', BUSY],
  ['57P', GONE],
  ['08', GONE],
  ['42P01', DAMAGED],
  ['42703', DAMAGED],
  ['3F000', DAMAGED],
  ['XX', DAMAGED],
  [
    '58',
    {
      code: 'LEDGER_IO',
      says: 'The PostgreSQL server could not read or write its files.',
      hint: "check the server's disk and its log, then run again",
    },
  ],
];

const UNREACHABLE =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|ENOENT|EACCES)$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(TLS|SSL|OSSL)/;

/** SQLSTATE or the system's code; empty where the error has none. */
export function serverCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && typeof code === 'string' ? code : '';
}

function meaningOf(error: Error): Meaning | undefined {
  const code = serverCode(error);
  const { message } = error;
  if (UNREACHABLE.test(code)) return GONE;
  if (CERTIFICATE.test(code) || /does not support SSL|SSL routines/.test(message)) return TLS;
  if (/password must be a (non-empty )?string|no password|SASL/i.test(message)) return LOGIN;
  if (
    /Connection terminated|timeout exceeded when trying to connect|not queryable|client was closed/i.test(
      message,
    )
  )
    return GONE;
  return /^[0-9A-Z]{5}$/.test(code) ? MEANINGS.find(([start]) => code.startsWith(start))?.[1] : undefined;
}

/** An error of the server as a sentence with its place and a remedy; anything else comes back as it is. */
export function serverError(error: unknown, address: Pick<ServerAddress, 'shown' | 'password'>): unknown {
  if (error instanceof LastgoodError || !(error instanceof Error)) return error;
  // Several addresses of one host were tried.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const meaning = meaningOf(first);
  if (meaning === undefined) return error;
  const code = serverCode(first);
  const said = withoutPassword(first.message, address.password);
  return new LastgoodError({
    code: meaning.code,
    message: `${meaning.says} (${code === '' ? '' : `${code}: `}${said})`,
    hint: meaning.hint,
    where: { file: address.shown },
    exitCode: 4,
  });
}

/** No server repeats a password, but what stands between it and us may. */
function withoutPassword(message: string, password: string | undefined): string {
  return password === undefined || password === '' ? message : message.replaceAll(password, '[secret]');
}

/**
 * What went wrong while rows were read. Everything that is stored was written by this program and reads without an error, so any other
 * error than the server's own means that the tables hold something else.
 */
export function unreadable(error: unknown, { shown }: Pick<ServerAddress, 'shown'>): unknown {
  if (error instanceof LastgoodError || serverCode(error) !== '') return error;
  const said = error instanceof Error ? error.message : String(error);
  return damagedTables(shown, `what it holds cannot be read (${said})`);
}

/** The ledger holds something else than what was written into it. */
export function damagedTables(shown: string, what: string): LastgoodError {
  return new LastgoodError({
    code: 'LEDGER_CORRUPT',
    message: `The ledger is damaged: ${what}.`,
    hint: DAMAGED.hint,
    where: { file: shown },
    exitCode: 4,
  });
}

// The address of a PostgreSQL server, read as libpq reads it: host, user, database, TLS by `sslmode`, and the schema of the ledger.

import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { LastgoodError } from '../../base/errors.ts';
import { addressUrl, shownPlace } from '../model/address.ts';

/** What TLS is made with. */
type TlsOptions = Exclude<ClientConfig['ssl'], boolean | undefined>;

/** What `sslmode` asks for. `prefer`: encrypted where the server can, as libpq does without a mode. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** The other parameters that an address may have. */
const PARAMETERS = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'schema',
  'pool',
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'application_name',
  'connect_timeout',
];

const DEFAULT_SCHEMA = 'lastgood';
const DEFAULT_POOL = 5;
const MOST_CONNECTIONS = 100;
const CONNECT_TIMEOUT_S = 10;

export interface ServerAddress {
  /** As it may be printed. */
  readonly shown: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** The schema that the ledger's tables are in. */
  readonly schema: string;
  /** Connections at most. */
  readonly pool: number;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
  readonly sslMode: SslMode;
  /** What TLS is made with; null = none. */
  readonly tls: TlsOptions | null;
}

/** Reads an address. Throws `LEDGER_ADDRESS` for one that cannot be used. */
export function readServerAddress(place: string): ServerAddress {
  const shown = shownPlace(place);
  const url = parsed(place, shown);
  const unknown = [...url.searchParams.keys()].find((key) => !PARAMETERS.includes(key));
  if (unknown !== undefined)
    throw unusable(shown, `the parameter "${unknown}" is not known; known are ${PARAMETERS.join(', ')}`);
  const parameter = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const host = parameter('host') ?? (decoded(url.hostname, shown).replace(/^\[|\]$/g, '') || 'localhost');
  const sslMode = sslModeOf(parameter('sslmode'), host, shown);
  const schema = parameter('schema') ?? DEFAULT_SCHEMA;
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw unusable(shown, 'the schema must be a lower-case letter or _ and up to 62 letters, digits or _');
  return {
    shown,
    host,
    port: whole(parameter('port') ?? (url.port || '5432'), 'port', 65_535, shown),
    user: parameter('user') ?? (decoded(url.username, shown) || undefined),
    password: parameter('password') ?? (decoded(url.password, shown) || undefined),
    database: parameter('dbname') ?? (decoded(url.pathname.slice(1), shown) || undefined),
    schema,
    pool: whole(parameter('pool') ?? String(DEFAULT_POOL), 'pool', MOST_CONNECTIONS, shown),
    connectTimeoutMs:
      1000 * whole(parameter('connect_timeout') ?? String(CONNECT_TIMEOUT_S), 'connect_timeout', 3600, shown),
    applicationName: parameter('application_name') ?? 'lastgood',
    sslMode,
    tls: sslMode === 'disable' ? null : tlsOf(sslMode, parameter, shown),
  };
}

function parsed(place: string, shown: string): URL {
  const url = addressUrl(place);
  if (url !== null) return url;
  throw unusable(
    shown,
    'it is not an address; a password with characters like @ / ? # must be percent-encoded',
  );
}

function decoded(text: string, shown: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unusable(shown, 'its percent-encoding is not valid');
  }
}

function whole(text: string, name: string, most: number, shown: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw unusable(shown, `${name} must be a whole number from 1 to ${most}`);
}

function sslModeOf(asked: string | undefined, host: string, shown: string): SslMode {
  // A socket of this machine has no TLS.
  if (host.startsWith('/')) return 'disable';
  if (asked === undefined) return 'prefer';
  const mode = SSL_MODES.find((known) => known === asked);
  if (mode !== undefined) return mode;
  throw unusable(shown, `sslmode must be one of ${SSL_MODES.join(', ')}`);
}

/** As libpq: `require` encrypts and verifies nothing, unless a root certificate is given; then it is `verify-ca`. */
function tlsOf(mode: SslMode, parameter: (name: string) => string | undefined, shown: string): TlsOptions {
  const file = (name: 'sslrootcert' | 'sslcert' | 'sslkey'): string | undefined => {
    const path = parameter(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw unusable(shown, `${name} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  const [ca, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')];
  const verifies = mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: verifies,
    ...(verifies && mode !== 'verify-full' ? { checkServerIdentity: () => undefined } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function unusable(shown: string, why: string): LastgoodError {
  return new LastgoodError({
    code: 'LEDGER_ADDRESS',
    message: `The address of the ledger cannot be used: ${why}.`,
    hint: 'write it as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, best in the variable LASTGOOD_DB',
    where: { file: shown },
  });
}

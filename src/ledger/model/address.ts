// Where a ledger is: a file on this machine, or an address of a PostgreSQL server.

const SERVER = /^postgres(?:ql)?:\/\//i;

/** Is the ledger on a PostgreSQL server? */
export function isServerAddress(place: string): boolean {
  return SERVER.test(place);
}

/** The ledger's place as it may be printed: without a password, and without options, which may hold one. */
export function shownPlace(place: string): string {
  if (!isServerAddress(place)) return place;
  const url = addressUrl(place);
  if (url === null) return UNREADABLE;
  const { username, host, pathname, searchParams } = url;
  const user = username === '' ? '' : `${username}@`;
  const schema = searchParams.get('schema');
  return `postgres://${user}${host}${pathname}${schema === null ? '' : `?schema=${encodeURIComponent(schema)}`}`;
}

const UNREADABLE = 'postgres://…';

/**
 * The parts of an address; null where it cannot be read. An `@` behind the host means that a password was not percent-encoded: what looks
 * like the host is then a part of it.
 */
export function addressUrl(place: string): URL | null {
  try {
    const url = new URL(place);
    return /@/.test(url.pathname + url.search + url.hash) ? null : url;
  } catch {
    return null;
  }
}

/** The address with all but its password; a file stays what it is. */
export function withoutPassword(place: string): string {
  if (!isServerAddress(place)) return place;
  const url = addressUrl(place);
  if (url === null) return UNREADABLE;
  url.password = '';
  return url.href;
}

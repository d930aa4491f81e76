// Where a ledger is: a file on this machine, or an address of a PostgreSQL server.

const SERVER = /^postgres(?:ql)?:\/\//i;

/** Is the ledger on a PostgreSQL server? */
export function isServerAddress(place: string): boolean {
  return SERVER.test(place);
}

/** The ledger's place as it may be printed: without a password, and without options, which may hold one. */
export function shownPlace(place: string): string {
  if (!isServerAddress(place)) return place;
  try {
    const { username, host, pathname, searchParams } = new URL(place);
    const user = username === '' ? '' : `${username}@`;
    const schema = searchParams.get('schema');
    return `postgres://${user}${host}${pathname}${schema === null ? '' : `?schema=${encodeURIComponent(schema)}`}`;
  } catch {
    return 'postgres://…';
  }
}

/** The address with all but its password; a file stays what it is. */
export function withoutPassword(place: string): string {
  if (!isServerAddress(place)) return place;
  try {
    const url = new URL(place);
    url.password = '';
    return url.href;
  } catch {
    return shownPlace(place);
  }
}

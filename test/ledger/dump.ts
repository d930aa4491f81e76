// A database as SQL text and back, so that the ledgers of released schemas can be kept as readable fixtures.

import Database from 'better-sqlite3';

export function dumpSql(path: string): string {
  const db = new Database(path, { readonly: true });
  const objects = db
    .prepare<[], { type: string; name: string; sql: string }>(
      `SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid`,
    )
    .all();
  const tables = objects.filter((o) => o.type === 'table');
  const lines = tables.map((t) => `${t.sql};`);
  for (const { name } of tables) {
    for (const row of db.prepare<[], unknown[]>(`SELECT * FROM "${name}"`).raw().all())
      lines.push(`INSERT INTO "${name}" VALUES (${row.map(literal).join(', ')});`);
  }
  lines.push(...objects.filter((o) => o.type !== 'table').map((o) => `${o.sql};`));
  for (const pragma of ['application_id', 'user_version'])
    lines.push(`PRAGMA ${pragma} = ${db.pragma(pragma, { simple: true })};`);
  db.close();
  return `${lines.join('\n')}\n`;
}

export function restoreSql(sql: string, path: string): void {
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  db.transaction(() => db.exec(sql))();
  db.close();
}

export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

export function schemaOf(path: string): SchemaObject[] {
  const db = new Database(path, { readonly: true });
  const objects = db
    .prepare<[], SchemaObject>('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name')
    .all();
  db.close();
  return objects;
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return `X'${value.toString('hex')}'`;
  if (typeof value === 'number') return String(value);
  return `'${String(value).replaceAll("'", "''")}'`;
}

// Writes schema/*.schema.json from the zod schemas; `--check` names the files that are stale and exits 1.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fileJsonSchemas } from '../jobs/project/file-schemas.ts';
import { reportJsonSchemas } from '../report/json/published-schemas.ts';

const FOLDER = new URL('../../schema/', import.meta.url);

/** Every published schema as the text of its file. */
export function schemaTexts(): ReadonlyMap<string, string> {
  return new Map(
    [...fileJsonSchemas(), ...reportJsonSchemas()].map(([name, schema]) => [
      name,
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  );
}

/** Names of the files in `folder` that are missing or differ from what would be generated. */
export function staleSchemas(folder: URL = FOLDER): string[] {
  return [...schemaTexts()]
    .filter(([name, text]) => currentText(new URL(name, folder)) !== text)
    .map(([n]) => n);
}

function currentText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return undefined;
  }
}

function main(): void {
  const stale = staleSchemas();
  if (process.argv.includes('--check')) {
    for (const name of stale) process.stderr.write(`schema/${name} is stale; run: npm run schema\n`);
    if (stale.length > 0) process.exitCode = 1;
    return;
  }
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of schemaTexts()) writeFileSync(new URL(name, FOLDER), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

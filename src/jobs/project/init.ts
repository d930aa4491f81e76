// A first suite: small, commented, and able to run without a key.

import { existsSync } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LastgoodError } from '../../base/index.ts';
import { packageFile } from '../../base/package-files.ts';
import { CASES_JSONL, RECORDED_JSONL } from './first-suite.ts';

/** Stands for the folder of the JSON schemas, which is found when the files are written. */
const SCHEMAS = '<schemas>';

const FILES: Readonly<Record<string, string>> = {
  'lastgood.yaml': `# Defaults for every command run from this folder. All keys are optional.
db: snapshots/lastgood.db      # the ledger; keep it out of git
suite: suites/first-suite/suite.yaml
release: releases/recorded.yaml
concurrency: 8
`,
  'suites/first-suite/suite.yaml': `# yaml-language-server: $schema=${SCHEMAS}/suite.schema.json
name: first-suite
trials: 1                      # independent calls per case; 3 or more make verdicts on single cases possible
cases:
  - cases.jsonl                # one case a line; files and globs beside this file
  - id: greeting-has-name      # or written here
    tags: [tone]
    vars: { question: "Hello, I am Ada. Who are you?" }
    grade:
      - icontains: Ada
      - max-words: 60
defaults:
  grade:                       # every case gets these beside its own
    - max-length: 1200
    - refusal: false
policy:
  margin: 0.1                  # largest drop in pass rate that still counts as unchanged; more cases can show a smaller one
`,
  'suites/first-suite/cases.jsonl': CASES_JSONL,
  'suites/first-suite/recorded.jsonl': RECORDED_JSONL,
  'prompts/assistant.md': `You are a careful assistant. Answer briefly. When a question is about health, send the person to a professional.
`,
  'releases/recorded.yaml': `# yaml-language-server: $schema=${SCHEMAS}/release.schema.json
# Serves recorded answers, so that everything can be tried without a key. Production logs can be turned into snapshots the same way.
name: recorded
route:
  provider: replay
  file: ../suites/first-suite/recorded.jsonl
`,
  'releases/live.yaml': `# yaml-language-server: $schema=${SCHEMAS}/release.schema.json
# A release is everything that decides behaviour. Same content, same fingerprint; any change, another.
name: live
route:
  provider: openai             # openai | anthropic | http | command | replay; the key comes from OPENAI_API_KEY
  api: responses
  model: gpt-4o-2024-11-20     # a dated id: an alias like gpt-4o can change without you
prompt:
  system: { file: ../prompts/assistant.md }
  messages:
    - { role: user, content: "{{ question }}" }
params:
  temperature: 0
  max-output-tokens: 400
notes: Not part of the fingerprint.
`,
  '.gitignore': `snapshots/*.db
snapshots/*.db-wal
snapshots/*.db-shm
.env
`,
};

/** Writes the files; refuses to overwrite anything unless forced. Returns paths relative to the folder typed. */
export async function initProject(input: {
  readonly dir: string;
  readonly cwd: string;
  readonly force: boolean;
  /** The schemas of the program that runs. */
  readonly packaged?: string;
}): Promise<string[]> {
  const packaged = input.packaged ?? fileURLToPath(packageFile('schema'));
  const root = resolve(input.cwd, input.dir);
  // An existing .gitignore is the user's own.
  const names = Object.keys(FILES);
  const there: string[] = [];
  for (const name of names) {
    const exists = await access(join(root, name)).then(
      () => true,
      () => false,
    );
    if (exists) there.push(name);
  }
  const blocking = there.filter((name) => name !== '.gitignore');
  if (blocking.length > 0 && !input.force) {
    throw new LastgoodError({
      code: 'INIT_EXISTS',
      message: `these files are there already: ${blocking.join(', ')}`,
      where: { file: root },
      hint: 'choose another folder, or overwrite them with --force',
    });
  }
  const written: string[] = [];
  for (const name of names) {
    if (name === '.gitignore' && there.includes(name)) continue;
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(
      path,
      (FILES[name] ?? '').replaceAll(SCHEMAS, schemasFrom(dirname(path), root, packaged)),
    );
    written.push(join(input.dir, name));
  }
  return written;
}

/**
 * The folder of the schemas as a file in `from` names it: of the package that is installed for the folder or above it, else of the program
 * itself where that is a clone around it. Somewhere else (a cache of npx, a global install) is no place to name in a file that is
 * committed: then where an install would put it.
 */
function schemasFrom(from: string, root: string, packaged: string): string {
  const named = (folder: string): string => relative(from, folder).split(sep).join('/');
  for (let at = root; ; at = dirname(at)) {
    const installed = join(at, 'node_modules/lastgood/schema');
    if (existsSync(installed)) return named(installed);
    if (join(at, 'schema') === packaged) return named(packaged);
    if (dirname(at) === at) return named(join(root, 'node_modules/lastgood/schema'));
  }
}

// Writes docs/cli.md from the program's own help; `--check` fails when the file in git is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Io } from './io.ts';
import { buildProgram } from './program.ts';

const FILE = new URL('../../docs/cli.md', import.meta.url);
const INTRO = `# Commands

Generated from \`lastgood --help\` by \`npm run docs\`; do not edit.

Results go to stdout, progress and warnings to stderr. Colour only on a terminal (\`NO_COLOR\` is honoured).
`;

/** The page as it should be. */
export async function cliPage(): Promise<string> {
  const silent: Io = {
    out: () => {},
    err: () => {},
    beforeOut: () => {},
    outIsTty: false,
    errIsTty: false,
    environment: {},
    cwd: '/',
    nodeVersion: '',
    platform: '',
    signal: new AbortController().signal,
    hardSignal: new AbortController().signal,
  };
  const program = await buildProgram(silent, () => {});
  const parts = [INTRO, section(program, 'lastgood')];
  for (const command of program.commands) parts.push(...sections(command, `lastgood ${command.name()}`));
  return `${parts.join('\n')}`;
}

/** A command, then its sub-commands. */
function sections(command: Command, title: string): string[] {
  return [
    section(command, title),
    ...command.commands.flatMap((sub) => sections(sub, `${title} ${sub.name()}`)),
  ];
}

function section(command: Command, title: string): string {
  command.configureHelp({ helpWidth: 110 });
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return `## ${title}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`;
}

async function main(): Promise<void> {
  const page = await cliPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(FILE, page);
    return;
  }
  let current = '';
  try {
    current = readFileSync(FILE, 'utf8');
  } catch {
    // Missing is stale.
  }
  if (current !== page) {
    process.stderr.write('docs/cli.md is stale; run: npm run docs\n');
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();

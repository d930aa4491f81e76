// Writes docs/cli.md and docs/errors.md from the program itself; `--check` fails when one in git is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { errorsPage } from './errors-page.ts';
import { buildProgram } from './program.ts';
import type { Io } from './terminal/io.ts';

const PAGES = [
  ['docs/cli.md', cliPage],
  ['docs/errors.md', errorsPage],
] as const;
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
  for (const [name, pageOf] of PAGES) {
    const file = new URL(`../../${name}`, import.meta.url);
    const page = await pageOf();
    if (!process.argv.includes('--check')) {
      writeFileSync(file, page);
      continue;
    }
    let current = '';
    try {
      current = readFileSync(file, 'utf8');
    } catch {
      // Missing is stale.
    }
    if (current !== page) {
      process.stderr.write(`${name} is stale; run: npm run docs\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) await main();

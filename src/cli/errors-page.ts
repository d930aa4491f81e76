// docs/errors.md: every error code with its meaning, cause and remedy, from the catalogue.

import { CATALOGUE } from '../base/error-catalogue.ts';
import type { CatalogueEntry } from '../base/error-codes/entry.ts';

const INTRO = `# Errors and warnings

With this page you can look up a code that a command printed: what it means, why it happens, and
what to do.

Generated from the catalogue in \`src/core/error-codes/\` by \`npm run docs\`; do not edit.

An error is printed as its place, one sentence, its code and a hint:

\`\`\`text
cases.jsonl:7:12: case "refund-01", key "grdae": unknown key "grdae" [SUITE_UNKNOWN_KEY]
  try: did you mean "grade"?
\`\`\`

With \`--json\` the same fields are in one object: \`code\`, \`message\`, \`hint\` and \`where\`.
Codes are stable. Messages can change.

| exit code | meaning |
|---|---|
| 2 | the input is wrong, and nothing was run |
| 3 | the result is undecided |
| 4 | the work could not be done |
| 5 | no rollback target exists |

A warning does not change the exit code. A warning that a run keeps is a *finding*: reports
repeat it.
`;

/** The page as it should be. */
export function errorsPage(): string {
  const sections = Object.entries(CATALOGUE).map(([title, codes]) => section(title, codes));
  return `${INTRO}\n${sections.join('\n')}`;
}

function section(title: string, codes: Record<string, CatalogueEntry>): string {
  const rows = Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { exits, meaning, cause, remedy }]) =>
      cells([`\`${code}\``, meaning, cause, remedy, exits.join(' or ') || '–']),
    );
  return `## ${title}\n\n| code | meaning | cause | remedy | exit |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

function cells(texts: readonly string[]): string {
  return `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}

// Catalogue of error codes: the MCP server and the Vitest entry. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const FACE_CODES = {
  MCP_SDK_MISSING: {
    exits: [4],
    meaning: 'The MCP SDK is not installed.',
    cause: 'It is an optional package, because only `lastgood mcp` needs it.',
    remedy: 'Run `npm install --save-dev @modelcontextprotocol/server@2`.',
  },
  MCP_ARGUMENTS: {
    exits: [2],
    meaning: 'An MCP tool was called with arguments that it does not take.',
    cause: 'A key is unknown or missing, or a value has another type.',
    remedy: 'Read the input schema of the tool and call it again.',
  },
  MCP_LIMIT_REACHED: {
    exits: [3],
    meaning: 'The limit of the MCP server leaves no further call.',
    cause:
      'Earlier runs of this server used the calls or the money that `--max-calls` or `--max-cost` allows.',
    remedy: 'A person can start the server again, with a higher limit if needed.',
  },
  VITEST_MISSING: {
    exits: [4],
    meaning: 'Vitest is not installed.',
    cause: 'It is an optional package, because only `lastgood/vitest` needs it.',
    remedy: 'Run `npm install --save-dev vitest@5`.',
  },
  RUBRIC_NO_JUDGE: {
    exits: [2],
    meaning: 'A rubric asks a judge, and none is named.',
    cause: '`toPassRubric` was called without `judge`.',
    remedy: 'Name the release file of the judge: `{ judge: "releases/judge.yaml" }`.',
  },
  NOT_MEASURED: {
    exits: [4],
    meaning: 'A case or an answer was not measured.',
    cause:
      'The release or the judge could not be reached, a limit was reached, or a reply could not be read.',
    remedy:
      'Correct the cause that the message names, and run the tests again. It is neither a pass nor a wrong answer.',
  },
} as const satisfies Record<string, CatalogueEntry>;

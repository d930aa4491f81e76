// The MCP SDK, an optional package: loaded by `lastgood mcp` alone.

import { LastgoodError } from '../base/errors.ts';

/** What the server needs of the SDK. Throws `MCP_SDK_MISSING` where it is not installed. */
export async function loadSdk(): Promise<
  Pick<typeof import('@modelcontextprotocol/server'), 'McpServer'> &
    Pick<typeof import('@modelcontextprotocol/server/stdio'), 'serveStdio' | 'StdioServerTransport'>
> {
  try {
    const [{ McpServer }, { serveStdio, StdioServerTransport }] = await Promise.all([
      import('@modelcontextprotocol/server'),
      import('@modelcontextprotocol/server/stdio'),
    ]);
    return { McpServer, serveStdio, StdioServerTransport };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new LastgoodError({
      code: 'MCP_SDK_MISSING',
      message: 'the MCP server needs the package @modelcontextprotocol/server, which is not installed',
      hint: 'npm install --save-dev @modelcontextprotocol/server@2',
      exitCode: 4,
      cause,
    });
  }
}

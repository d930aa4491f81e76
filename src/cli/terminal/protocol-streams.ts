// Stdin and stdout for a protocol: whatever else writes to stdout goes to stderr, because one stray line ends the session.

import { type Readable, Writable } from 'node:stream';

export interface ProtocolStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Gives stdout back. */
  release(): void;
}

/** Takes stdout over from now on, `console.log` of loaded code included. */
export function protocolStreams(): ProtocolStreams {
  const { stdin, stdout, stderr } = process;
  const usual = stdout.write;
  const write = usual.bind(stdout);
  const output = new Writable({
    decodeStrings: false,
    write(chunk: string | Uint8Array, _encoding, done) {
      write(chunk, (error) => done(error ?? null));
    },
  });
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  return {
    input: stdin,
    output,
    release: () => {
      stdout.write = usual;
      // An open stdin would keep the process alive.
      stdin.destroy();
    },
  };
}

// The readers of records by the name of their format.

import type { FormatName } from './detect.ts';
import { braintrustReader } from './formats/braintrust.ts';
import { chatReader } from './formats/chat.ts';
import { inspectReader } from './formats/inspect.ts';
import { langfuseReader } from './formats/langfuse.ts';
import { langsmithReader } from './formats/langsmith.ts';
import { openaiEvalsReader } from './formats/openai-evals.ts';
import { otlpReader } from './formats/otlp.ts';
import { phoenixReader } from './formats/phoenix.ts';
import type { ReaderFactory } from './parts/reader.ts';

/** promptfoo is read by its own parts: its assertions need files. */
export const READERS: Partial<Record<FormatName, ReaderFactory>> = {
  'openai-evals': openaiEvalsReader,
  langfuse: langfuseReader,
  langsmith: langsmithReader,
  braintrust: braintrustReader,
  phoenix: phoenixReader,
  inspect: inspectReader,
  otlp: otlpReader,
  chat: chatReader,
};

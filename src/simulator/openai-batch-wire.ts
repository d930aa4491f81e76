// OpenAI's files and batches as the API shows them (openai SDK 7.55 types).

import type { JsonObject } from '../base/json.ts';
import type { BatchItem, DeskBatch } from './batch-desk.ts';

export interface OpenAiBatch extends DeskBatch {
  readonly kind: 'openai';
  readonly metadata: JsonObject | null;
  readonly inputFile: string;
  outputFile: string | null;
  errorFile: string | null;
}

const DAY_S = 86_400;

/** The file in a form; null where there is none. */
export function uploadedFile(contentType: string, body: string): string | null {
  const boundary = /boundary=("?)([^";]+)\1/.exec(contentType)?.[2];
  if (boundary === undefined) return null;
  for (const part of body.split(`--${boundary}`)) {
    const at = part.indexOf('\r\n\r\n');
    if (at === -1 || !/name="file"/.test(part.slice(0, at))) continue;
    return part.slice(at + 4).replace(/\r\n$/, '');
  }
  return null;
}

export function fileObject(id: string, text: string, now: number): JsonObject {
  return {
    id,
    object: 'file',
    bytes: Buffer.byteLength(text),
    created_at: Math.floor(now / 1000),
    filename: 'batch.jsonl',
    purpose: 'batch',
    status: 'processed',
  };
}

export function openaiBatch(batch: OpenAiBatch): JsonObject {
  const created = Math.floor(batch.createdMs / 1000);
  const replies = batch.items.map(({ end }) => end);
  const completed = replies.filter((end) => end?.kind === 'reply' && end.reply.status === 200).length;
  const failed = replies.filter((end) => end !== null).length - completed;
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.path,
    errors:
      batch.refusal === null
        ? null
        : {
            object: 'list',
            data: [
              { code: batch.refusal, message: WHY[batch.refusal] ?? batch.refusal, line: null, param: null },
            ],
          },
    input_file_id: batch.inputFile,
    completion_window: '24h',
    status: statusOf(batch),
    output_file_id: batch.outputFile,
    error_file_id: batch.errorFile,
    created_at: created,
    expires_at: created + DAY_S,
    request_counts: { total: batch.items.length, completed, failed },
    metadata: batch.metadata,
  };
}

const WHY: Readonly<Record<string, string>> = {
  token_limit_exceeded: 'Enqueued token limit reached for this model.',
  duplicate_custom_id: 'The custom_id for this request is a duplicate of another request.',
};

function statusOf(batch: OpenAiBatch): string {
  if (batch.refusal !== null) return batch.polls === 0 ? 'validating' : 'failed';
  if (!batch.isOver)
    return batch.cancelAsked ? 'cancelling' : batch.polls === 0 ? 'validating' : 'in_progress';
  if (batch.cancelAsked) return 'cancelled';
  return batch.items.some(({ end }) => end?.kind === 'expired') ? 'expired' : 'completed';
}

/** A line of the output or the error file. */
export function openaiLine({ id, end }: BatchItem, lineId: string): JsonObject {
  const line = { id: lineId, custom_id: id };
  switch (end?.kind) {
    case 'reply':
      return {
        ...line,
        response: { status_code: end.reply.status, request_id: lineId, body: end.reply.body },
        error: null,
      };
    case 'errored': {
      const error = {
        message: 'The server had an error processing your request.',
        type: 'server_error',
        code: null,
      };
      return { ...line, response: { status_code: 500, request_id: lineId, body: { error } }, error: null };
    }
    case 'expired':
      return {
        ...line,
        response: null,
        error: {
          code: 'batch_expired',
          message: 'This request could not be executed before the completion window expired.',
        },
      };
    default:
      return {
        ...line,
        response: null,
        error: {
          code: 'batch_cancelled',
          message: 'This request was not executed: the batch was cancelled.',
        },
      };
  }
}

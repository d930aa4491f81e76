// The JSON Schema of release tickets, for editors.

import { z } from 'zod';
import type { JsonObject } from '../base/json.ts';
import { ticketFileSchema } from './ticket-schema.ts';

/** Draft-07, because editors' YAML support stops there. */
export function ticketFileJsonSchema(): JsonObject {
  const { $schema, ...schema } = z.toJSONSchema(ticketFileSchema, { target: 'draft-7', io: 'input' });
  return {
    $schema: String($schema),
    title: 'lastgood release ticket',
    description:
      'What is decided before a candidate meets its first user: ladder, gates, rollback, authorities.',
    ...(schema as unknown as JsonObject),
  };
}

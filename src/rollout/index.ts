// Shipping in stages: the release ticket and what it decides. Pure.

export { parseMonitors, parseTicket } from './parse-ticket.ts';
export { ticketFileJsonSchema } from './ticket-json-schema.ts';
export { unfilledParts } from './unfilled-parts.ts';

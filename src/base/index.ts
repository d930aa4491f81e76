// What knows nothing of the domain: errors, documents, hashes, masking, texts.

export * from './errors.ts';
export * from './json.ts';
export * from './ports.ts';
export * from './secrets.ts';
export * from './text.ts';
export * from './trust.ts';

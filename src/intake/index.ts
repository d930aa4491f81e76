// Reads other tools' files: text and objects in, cases, releases and the account of what came over out.

export { FORMATS, type FormatName, formatOfRecord, formatOfText, isPromptfooConfig } from './detect.ts';
export { slug } from './parts/case-id.ts';
export type * from './parts/found.ts';
export { Losses } from './parts/losses.ts';
export type { RecordReader } from './parts/reader.ts';
export { readConfig } from './promptfoo/config.ts';
export { resultsReader } from './promptfoo/results.ts';
export { FileSink, Site, type SourceFiles } from './promptfoo/site.ts';
export type { TestFrame } from './promptfoo/tests.ts';
export { READERS } from './readers.ts';

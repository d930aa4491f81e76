// Releases: read, checked, fingerprinted, compared and written back.

export * from './diff-releases.ts';
export { loadRelease, parseRelease, type ReadText } from './load-release.ts';
export * from './pin.ts';
export * from './release-json-schema.ts';
export * from './release-to-yaml.ts';

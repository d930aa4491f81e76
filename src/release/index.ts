// Releases: read, checked, fingerprinted, compared and written back.

export * from './diff-releases.ts';
export { loadRelease, parseRelease } from './load-release.ts';
export * from './pin.ts';
export * from './release-json-schema.ts';
export * from './release-to-yaml.ts';
export * from './release-warnings.ts';

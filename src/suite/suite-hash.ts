// The hashes of cases and suites, under the name this room knows them by.

export { caseContentHash, gradersHash, NO_GRADERS, suiteHash } from '../core/suite-hash.ts';

// Chooses cases by a filter expression such as `tag:refund !critical`.

import { quote } from '../base/document.ts';
import { didYouMean, LastgoodError } from '../base/errors.ts';
import { examinersAsked } from '../core/exam.ts';
import { wantsEmbeddings } from '../core/policy.ts';
import type { Case, Suite } from '../core/suite.ts';
import { suiteHash } from './suite-hash.ts';

/**
 * The suite with the chosen cases only. Spaces join conditions that must all hold, commas alternatives: `tag:refund,tag:tone critical`.
 * Terms: `tag:x`, `id:x*`, `group:x`, `critical`, a bare word (id or tag), `!` before any of them; `*` stands for any text.
 * Throws SUITE_EMPTY_FILTER when nothing is left, SUITE_UNKNOWN_TAG for a tag that no case has, SUITE_BAD_FILTER for a term it cannot read.
 */
export function filterCases(suite: Suite, expression: string): Suite {
  const conditions = expression
    .trim()
    .replace(/\s*,\s*/g, ',')
    .split(/\s+/)
    .filter((c) => c !== '')
    .map((c) => c.split(',').map((term) => readTerm(term, suite, expression)));
  if (conditions.length === 0) {
    throw badFilter(expression, 'the filter is empty', 'leave it out to run every case');
  }
  const cases = suite.cases.filter((c) => conditions.every((any) => any.some((term) => term.holds(c))));
  const unknown = conditions.flat().flatMap((term) => term.unknownTag ?? []);
  if (cases.length === 0 || unknown.length > 0) throw nothingLeft(suite, expression, unknown, cases.length);
  const asked = examinersAsked(cases);
  const chosen = {
    ...suite,
    cases,
    ...(asked.judge ? {} : { judgeFile: null, panelFiles: undefined, judgeVotes: undefined }),
    embedderFile: wantsEmbeddings(suite.policy) || asked.embedder ? suite.embedderFile : null,
  };
  return { ...chosen, hash: suiteHash(chosen) };
}

interface Term {
  holds(c: Case): boolean;
  readonly unknownTag: string | undefined;
}

function readTerm(source: string, suite: Suite, expression: string): Term {
  const negated = source.startsWith('!');
  const term = negated ? source.slice(1) : source;
  const sign = (test: (c: Case) => boolean): ((c: Case) => boolean) => (negated ? (c) => !test(c) : test);
  const colon = term.indexOf(':');
  const kind = colon < 0 ? '' : term.slice(0, colon);
  const word = term.slice(colon + 1);
  if (word === '') {
    throw badFilter(expression, `${quote(source)} says nothing`, 'write e.g. tag:refund or id:refund-*');
  }
  const fits = glob(word);
  const hasTag = (c: Case): boolean => c.tags.some(fits);
  switch (kind) {
    case 'tag':
      return {
        holds: sign(hasTag),
        unknownTag: suite.cases.some(hasTag) ? undefined : word,
      };
    case 'id':
      return { holds: sign((c) => fits(c.id)), unknownTag: undefined };
    case 'group':
      return { holds: sign((c) => c.group !== null && fits(c.group)), unknownTag: undefined };
    case '':
      return term === 'critical'
        ? { holds: sign((c) => c.critical), unknownTag: undefined }
        : { holds: sign((c) => fits(c.id) || hasTag(c)), unknownTag: undefined };
    default: {
      // Ids may contain colons themselves.
      const whole = glob(term);
      if (suite.cases.some((c) => whole(c.id) || c.tags.some(whole))) {
        return { holds: sign((c) => whole(c.id) || c.tags.some(whole)), unknownTag: undefined };
      }
      const near = didYouMean(kind, ['tag', 'id', 'group']);
      throw badFilter(
        expression,
        `${quote(kind)} is nothing one can filter by, expected tag, id or group`,
        near === undefined ? undefined : `did you mean ${quote(`${near}:${word}`)}?`,
      );
    }
  }
}

function glob(pattern: string): (text: string) => boolean {
  if (!pattern.includes('*')) return (text) => text === pattern;
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('.*');
  const regex = new RegExp(`^${source}$`, 'su');
  return (text) => regex.test(text);
}

function badFilter(expression: string, problem: string, hint?: string): LastgoodError {
  return new LastgoodError({
    code: 'SUITE_BAD_FILTER',
    message: `cannot read the filter ${quote(expression)}: ${problem}`,
    hint,
  });
}

function nothingLeft(
  suite: Suite,
  expression: string,
  unknown: readonly string[],
  left: number,
): LastgoodError {
  const tags = [...new Set(suite.cases.flatMap((c) => c.tags))].sort();
  const words = unknown.length > 0 ? unknown : expression.split(/[\s,]+/).map((w) => w.replace(/^!/, ''));
  const near = words
    .map((word) =>
      didYouMean(word.replace(/^\w+:/, ''), [
        ...tags,
        ...(unknown.length > 0 ? [] : suite.cases.map((c) => c.id)),
      ]),
    )
    .find((n) => n !== undefined);
  const known = tags.length === 0 ? 'no case has a tag' : `tags: ${tags.join(', ')}`;
  return new LastgoodError({
    code: left === 0 ? 'SUITE_EMPTY_FILTER' : 'SUITE_UNKNOWN_TAG',
    message:
      unknown.length > 0
        ? `the filter ${quote(expression)} names the tag ${quote(unknown[0] ?? '')}, which no case of "${suite.name}" has`
        : `the filter ${quote(expression)} leaves none of the ${suite.cases.length} cases of "${suite.name}"`,
    where: suite.file === null ? {} : { file: suite.file },
    hint: near === undefined ? known : `did you mean ${quote(near)}? (${known})`,
  });
}

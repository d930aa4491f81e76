// The params of a case: flat, as a request has them. What is no parameter of a request is refused.

import { quote, whereIn } from '../base/document.ts';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject } from '../base/json.ts';
import { flatParams, NOT_PARAMS } from '../core/params.ts';
import type { CaseFields } from './case-schema.ts';
import type { CaseSite } from './conversation.ts';
import type { Problems } from './problems.ts';

/** Undefined where the case sets none; what is wrong goes to `problems`. */
export function readCaseParams(
  { params: fields }: CaseFields,
  site: CaseSite,
  problems: Problems,
): JsonObject | undefined {
  if (fields === undefined) return undefined;
  const { params, twins } = flatParams(fields);
  const refuse = (key: string, message: string, hint: string): void =>
    problems.add(
      new LastgoodError({
        code: 'SUITE_BAD_CASE',
        message,
        where: whereIn(site.document, [...site.path, 'params', ...keyPath(key)], 'key', site.caseId),
        hint,
      }),
    );
  const keyPath = (key: string): string[] => (key in fields ? [key] : ['provider-options', key]);
  for (const key of twins)
    refuse(key, `${quote(key)} is given twice, in params and in provider-options`, 'keep one of the two');
  for (const key of Object.keys(params)) {
    const path = key.replaceAll('-', '_');
    if (NOT_PARAMS.has(path))
      refuse(
        key,
        `${quote(key)} cannot be set as a parameter: another layer of the release says it`,
        'run the case in a suite of its own with another release',
      );
    else if (path === 'dimensions')
      refuse(
        key,
        '`dimensions` is a parameter of an embedder, not of a case',
        'put it into the release of the embedder',
      );
  }
  return Object.keys(params).length === 0 ? undefined : params;
}

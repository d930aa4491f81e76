// The graders page names every grader, and every example on it is one a suite may hold.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ZodType } from 'zod';
import { COMMON_GRADER_OPTIONS, GRADER_TYPES, GRADERS } from '../../src/core/grader-catalogue.ts';
import type { GraderType } from '../../src/core/grader-spec.ts';

const page = readFileSync(new URL('../../docs/graders.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, yaml = '']) => {
  const read = parse(yaml) as unknown;
  // A whole suite on the page is an example of something else.
  return (Array.isArray(read) ? read : ((read as { grade?: unknown[] }).grade ?? [])) as Record<
    string,
    unknown
  >[];
});
const inTables = [...page.matchAll(/`((?:not-)?[a-z-]+: [^`]+)`/g)]
  .map(([, yaml = '']) => parse(yaml) as Record<string, unknown>)
  .filter((example) => GRADER_TYPES.includes(Object.keys(example)[0] as GraderType));

describe('docs/graders.md', () => {
  it('names every grader', () => {
    expect(
      GRADER_TYPES.filter((type) => !page.includes(`\`${type}`) && !page.includes(`- ${type}:`)),
    ).toEqual([]);
  });

  it.each([...examples, ...inTables].map((e) => [JSON.stringify(e), e] as const))(
    '%s can stand in a suite',
    (_text, example) => {
      const [[name, value]] = Object.entries(example) as [[string, unknown]];
      const type = name.replace(/^not-/, '') as GraderType;
      const { negatable, shorthand } = GRADERS[type];
      const options: ZodType = GRADERS[type].options;
      if (name !== type) expect(negatable).toBe(true);
      const isOptions = typeof value === 'object' && value !== null && !Array.isArray(value);
      const given: Record<string, unknown> =
        isOptions && !(type === 'equals' && !('value' in value))
          ? { ...value }
          : { [shorthand ?? '']: value };
      for (const common of Object.keys(COMMON_GRADER_OPTIONS)) delete given[common];
      expect(options.safeParse(given).error?.message).toBeUndefined();
    },
  );

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(20);
    expect(inTables.length).toBeGreaterThan(8);
  });

  it('shows a program in Python that gives a verdict on the input the page lists', (t) => {
    const [, program = ''] = /```python\n([\s\S]*?)```/.exec(page) ?? [];
    const [, input = ''] = /```json\n(\{ "grader"[\s\S]*?)```/.exec(page) ?? [];
    expect(JSON.parse(input)).toMatchObject({ grader: 'polite', output: 'We are sorry.' });
    const ran = spawnSync('python3', ['-c', program], { input, encoding: 'utf8' });
    if (ran.error !== undefined) return t.skip('there is no python3');
    expect(JSON.parse(ran.stdout)).toEqual({ score: 1, reason: 'apologises' });
  });
});

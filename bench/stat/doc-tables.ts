// The tables of docs/statistics.md, from the constants and the formulas of the engine.

import { z } from 'zod';
import { FIRST_SHARE } from '../../src/compare/confirmation.ts';
import { changeOf, FAMILY_SHARES } from '../../src/compare/evidence.ts';
import { FLOOR_ALPHA } from '../../src/compare/floors.ts';
import { CHECK_DESIGNS, CONFIRM_TRIALS, SORT_TRIALS } from '../../src/compare/index.ts';
import { pairCases } from '../../src/compare/pairing.ts';
import { detectableBy } from '../../src/compare/sensitivity.ts';
import { SET_SHARE } from '../../src/compare/verdict.ts';
import { resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { policySchema } from '../../src/core/policy-schema.ts';
import type { MeanChange } from '../../src/stats/mean-change.ts';
import { SessionWorld, type SuiteShape } from './session-worlds.ts';
import { streamOf } from './worlds.ts';

const SHAPES: readonly SuiteShape[] = ['typical', 'mature', 'flaky'];

/** The change between two runs of an unchanged release, five trials a case: what the tables below are computed from. */
function unchangedSuite(shape: SuiteShape, cases: number): MeanChange {
  const process = { kind: 'independent' } as const;
  const world = new SessionWorld({ process, shape, cases }, streamOf(11, 'docs', shape, cases));
  const run = (at: number): SnapshotResults => world.run({ at, trials: 5 });
  return changeOf(pairCases(run(0), run(1), resolvePolicy(undefined)).paired);
}

/** The smallest uniform drop seen 4 times in 5, both arms side by side, in points. */
export function detectableTable(): string {
  const policy = resolvePolicy(undefined);
  const rows = [12, 24, 42, 100, 300].map((cases) => {
    const change = unchangedSuite('typical', cases);
    const cells = [1, 3, 5, 10].map((trials) => {
      const drop = detectableBy(change, trials, policy);
      return drop === null ? 'none' : (100 * drop).toFixed(drop < 0.1 ? 1 : 0);
    });
    return `| ${cases} | ${cells.join(' | ')} |`;
  });
  return ['| cases | 1 trial | 3 trials | 5 trials | 10 trials |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

/** Trials per case and arm that show "unchanged" 4 times in 5 when nothing changed. */
export function unchangedTable(): string {
  const { margin, confidence } = resolvePolicy(undefined);
  const rows = [24, 42, 100, 300].map((cases) => {
    const cells = SHAPES.map(
      (shape) => unchangedSuite(shape, cases).trialsFor(margin, (1 - confidence) / 2, 0.8, 200) ?? 'over 200',
    );
    return `| ${cases} | ${cells.join(' | ')} |`;
  });
  return [`| cases | ${SHAPES.map((s) => `${s} suite`).join(' | ')} |`, '|---|---|---|---|', ...rows].join(
    '\n',
  );
}

/** What a check runs, by tier. */
export function checkTable(): string {
  const rows = Object.entries(CHECK_DESIGNS).map(
    ([tier, { screening, control }]) =>
      `| \`${tier}\` | ${screening.join(', then ')} | ${SORT_TRIALS} of the candidate, then ${CONFIRM_TRIALS} of both, once or twice | ${control.join(', then ')} |`,
  );
  return [
    '| tier | candidate trials a case, on average | flagged cases | control, trials of both a case |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Where the rate of false alarms goes. */
export function levelsTable(): string {
  const { alphaAggregate, alphaCase } = resolvePolicy(undefined);
  const { mean, likelihood, falls, tags } = FAMILY_SHARES;
  const share = (x: number): string => `${Math.round(100 * x)}%`;
  return [
    '| what can fail a gate | rate | how it is divided |',
    '|---|---|---|',
    `| the suite and its tags | ${alphaAggregate} | Westfall–Young over: mean ${share(mean)}, likelihood ratio ${share(likelihood)}, squared falls ${share(falls)}, all tags ${share(tags)} |`,
    `| of that, the flagged cases as one set | ${Number((SET_SHARE * alphaAggregate).toPrecision(3))} | ${share(SET_SHARE)} of the row above, where cases were confirmed; exact, stratified by case |`,
    `| single cases, critical ones included | ${alphaCase} | Benjamini–Hochberg over all confirmed cases; ${share(FIRST_SHARE)} for the first batch, ${share(1 - FIRST_SHARE)} for the second |`,
    `| floors | ${FLOOR_ALPHA} | Holm over all floors of the policy |`,
  ].join('\n');
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Every key a suite's `policy` may have, from the schema that reads it. */
export function policyTable(): string {
  const rows: string[] = [];
  const walk = (schema: JsonSchema, path: string): void => {
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const at = path === '' ? key : `${path}.${key}`;
      if (value.description !== undefined)
        rows.push(`| \`${at}\` | ${value.description.replaceAll('|', '\\|')} |`);
      walk(value, at);
      if (typeof value.additionalProperties === 'object') walk(value.additionalProperties, `${at}.NAME`);
    }
  };
  walk(z.toJSONSchema(policySchema) as JsonSchema, '');
  return ['| key | meaning and default |', '|---|---|', ...rows].join('\n');
}

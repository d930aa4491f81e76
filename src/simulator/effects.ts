// What a request's own content (prompt, tools, parameters, schema) does to the behaviour of the version that answers it.

import { type JsonObject, jsonAt } from '../core/json.ts';
import type { AskedRequest } from './asked-request.ts';
import type { EffectCondition, ModelVersion, Scenario } from './scenario.ts';
import type { Resolution } from './timeline.ts';

/** How this request will be treated: everything random is drawn from these. */
export interface Conduct {
  /** Chance that the reply is right. */
  readonly skill: number;
  /** The tag whose skill is lowest, where one is lower than the others. */
  readonly weakest: string | null;
  readonly verbosity: number;
  readonly refusal: number;
  readonly version: ModelVersion;
}

/** Applies the scenario's effects to a version for a case with these tags. */
export function conductFor(
  scenario: Scenario,
  served: Extract<Resolution, { kind: 'served' }>,
  asked: AskedRequest,
  tags: readonly string[],
  ease: number,
  now: number,
): Conduct {
  const version = scenario.versions[served.version ?? ''];
  if (version === undefined) throw new Error(`model ${served.model.id} has no version`);
  const active = scenario.effects.filter((effect) => holds(effect.when, served, asked, now));
  const own = typeof version.skill === 'number' ? { default: version.skill } : version.skill;

  const skills = (tags.length === 0 ? ['default'] : tags).map((tag) => {
    let skill = own[tag] ?? own['default'] ?? 1;
    for (const effect of active) {
      if (effect.skill === undefined || (effect.tags && !effect.tags.includes(tag))) continue;
      skill = apply(skill, effect.skill);
    }
    return { tag, skill: Math.min(1, skill) };
  });
  const lowest = Math.min(...skills.map((s) => s.skill));
  const weakest =
    skills.every((s) => s.skill === lowest) && skills.length > 1
      ? undefined
      : skills.find((s) => s.skill === lowest);

  let verbosity = version.verbosity;
  let refusal = version.refusal;
  for (const effect of active) {
    if (effect.tags && !effect.tags.some((tag) => tags.includes(tag))) continue;
    if (effect.verbosity !== undefined) verbosity = apply(verbosity, effect.verbosity);
    if (effect.refusal !== undefined) refusal = effect.refusal;
  }
  return {
    skill: lowest * ease,
    weakest: weakest === undefined || weakest.tag === 'default' ? null : weakest.tag,
    verbosity,
    refusal,
    version,
  };
}

function apply(value: number, change: number | { set: number }): number {
  return typeof change === 'number' ? value * change : change.set;
}

/** True when every condition given holds for the request. */
export function holds(
  when: EffectCondition,
  served: Extract<Resolution, { kind: 'served' }>,
  asked: AskedRequest,
  now: number,
): boolean {
  const prompt = plain(asked.promptText);
  const temperature = asked.temperature ?? Number.NaN;
  const properties = (asked.outputSchema?.schema['properties'] ?? {}) as JsonObject;
  const names = new Set([asked.model, served.model.id, served.servedId]);
  const checks: boolean[] = [
    all(when.promptContains, (t) => prompt.includes(plain(t))),
    all(when.promptLacks, (t) => !prompt.includes(plain(t))),
    all(when.caseContains, (t) => plain(asked.userText).includes(plain(t))),
    when.toolNamed === undefined || asked.tools.some((tool) => tool.name === when.toolNamed),
    when.toolsAbsent === undefined || when.toolsAbsent === (asked.tools.length === 0),
    when.temperatureAbove === undefined || temperature > when.temperatureAbove,
    when.temperatureBelow === undefined || temperature < when.temperatureBelow,
    when.maxTokensBelow === undefined ||
      (asked.maxOutputTokens ?? Number.POSITIVE_INFINITY) < when.maxTokensBelow,
    when.schemaPresent === undefined || when.schemaPresent === (asked.outputSchema !== null),
    when.schemaHas === undefined || Object.hasOwn(properties, when.schemaHas),
    Object.entries(when.param ?? {}).every(
      ([path, value]) => JSON.stringify(jsonAt(asked.body, path)) === JSON.stringify(value),
    ),
    when.model === undefined || [when.model].flat().some((id) => names.has(id)),
    when.version === undefined || [when.version].flat().includes(served.version ?? ''),
    when.from === undefined || Date.parse(when.from) <= now,
    when.until === undefined || now < Date.parse(when.until),
  ];
  return checks.every(Boolean);
}

function all(texts: string | string[] | undefined, test: (text: string) => boolean): boolean {
  return texts === undefined || [texts].flat().every(test);
}

/** Lower case, runs of white space as one blank: a prompt file may wrap its lines anywhere. */
export function plain(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ');
}

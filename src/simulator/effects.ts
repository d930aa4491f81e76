// What a request's own content (prompt, tools, parameters, schema) does to the behaviour of the version that answers it.

import { type JsonObject, jsonAt } from '../base/json.ts';
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
function holds(
  when: EffectCondition,
  served: Extract<Resolution, { kind: 'served' }>,
  asked: AskedRequest,
  now: number,
): boolean {
  const temperature = asked.temperature ?? Number.NaN;
  const properties = (asked.outputSchema?.schema['properties'] ?? {}) as JsonObject;
  const isModel = (id: string): boolean =>
    id === asked.model || id === served.model.id || id === served.servedId;
  // Texts last: they are long, and most effects are ruled out before them.
  return (
    (when.model === undefined || [when.model].flat().some(isModel)) &&
    (when.version === undefined || [when.version].flat().includes(served.version ?? '')) &&
    (when.from === undefined || Date.parse(when.from) <= now) &&
    (when.until === undefined || now < Date.parse(when.until)) &&
    (when.toolNamed === undefined || asked.tools.some((tool) => tool.name === when.toolNamed)) &&
    (when.toolsAbsent === undefined || when.toolsAbsent === (asked.tools.length === 0)) &&
    (when.temperatureAbove === undefined || temperature > when.temperatureAbove) &&
    (when.temperatureBelow === undefined || temperature < when.temperatureBelow) &&
    (when.maxTokensBelow === undefined ||
      (asked.maxOutputTokens ?? Number.POSITIVE_INFINITY) < when.maxTokensBelow) &&
    (when.schemaPresent === undefined || when.schemaPresent === (asked.outputSchema !== null)) &&
    (when.schemaHas === undefined || Object.hasOwn(properties, when.schemaHas)) &&
    Object.entries(when.param ?? {}).every(
      ([path, value]) => JSON.stringify(jsonAt(asked.body, path)) === JSON.stringify(value),
    ) &&
    texts(when.promptContains, asked.promptText, true) &&
    texts(when.promptLacks, asked.promptText, false) &&
    texts(when.caseContains, asked.userText, true)
  );
}

/** True when the text holds all of the parts, or (`wanted` false) none. */
function texts(parts: string | string[] | undefined, text: string, wanted: boolean): boolean {
  if (parts === undefined) return true;
  const low = plain(text);
  return [parts].flat().every((part) => low.includes(plain(part)) === wanted);
}

/** The same prompts, rules and tickets come with every request of a night. */
const known = new Map<string, string>();
const KNOWN_TEXTS = 1000;
const KNOWN_LENGTH = 10_000;

/** Lower case, runs of white space as one blank: a prompt file may wrap its lines anywhere. */
export function plain(text: string): string {
  const before = known.get(text);
  if (before !== undefined) return before;
  const made = text.toLowerCase().replace(/\s+/g, ' ');
  if (text.length <= KNOWN_LENGTH) {
    if (known.size >= KNOWN_TEXTS) known.clear();
    known.set(text, made);
  }
  return made;
}

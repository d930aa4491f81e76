// Scenario text or object → checked scenario, with every problem placed and named.

import {
  type DocumentPath,
  fixedDocument,
  readDocument,
  type TextDocument,
  whereIn,
} from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { didYouMean, LastgoodError, throwAll } from '../base/errors.ts';
import type { JsonValue } from '../base/json.ts';
import {
  type FaultRule,
  type FaultRuleInput,
  faultsSchema,
  type Scenario,
  type ScenarioInput,
  scenarioSchema,
} from './scenario.ts';

const FAMILY = 'SCENARIO';

/**
 * Checks a scenario given as an object, or as YAML or JSON text (`file` is only named in errors, never read).
 * Throws LastgoodError(s) SCENARIO_SYNTAX, SCENARIO_UNKNOWN_KEY, SCENARIO_MISSING_KEY, SCENARIO_BAD_VALUE or SCENARIO_REFERENCE.
 */
export function parseScenario(source: ScenarioInput | Scenario | string, file = 'scenario'): Scenario {
  const document = typeof source === 'string' ? readDocument(source, file, FAMILY) : given(source, file);
  const checked = checkShape(scenarioSchema, document.value, { document, family: FAMILY });
  if (!checked.ok) {
    throwAll(checked.errors);
    throw new Error('a scenario was refused without a reason');
  }
  const scenario = checked.value;
  throwAll(referenceErrors(scenario, document));
  return scenario;
}

/** Checks fault rules given apart from a scenario. Throws as `parseScenario` does. */
export function parseFaults(faults: FaultRuleInput | readonly FaultRuleInput[]): FaultRule[] {
  return [faults].flat().map((rule) => {
    const document = given(rule, 'faults');
    const checked = checkShape(faultsSchema, document.value, { document, family: FAMILY });
    if (checked.ok) return checked.value;
    throwAll(checked.errors);
    throw new Error('a fault rule was refused without a reason');
  });
}

function given(value: unknown, name: string): TextDocument {
  return fixedDocument(value as JsonValue, name, { line: 1, column: 1 });
}

function referenceErrors(scenario: Scenario, document: TextDocument): LastgoodError[] {
  const errors: LastgoodError[] = [];
  const fail = (path: DocumentPath, message: string, hint?: string): void => {
    errors.push(
      new LastgoodError({ code: 'SCENARIO_REFERENCE', message, hint, where: whereIn(document, path) }),
    );
  };
  const known = (path: DocumentPath, what: string, name: string, names: readonly string[]): void => {
    if (names.includes(name)) return;
    const meant = didYouMean(name, names);
    fail(
      path,
      `There is no ${what} "${name}" in the scenario.`,
      meant === undefined ? `one of: ${names.join(', ') || '(none)'}` : `did you mean "${meant}"?`,
    );
  };

  const versions = Object.keys(scenario.versions);
  const ids = new Set<string>();
  for (const [m, model] of scenario.models.entries()) {
    if (ids.has(model.id)) fail(['models', m, 'id'], `Two models or aliases are called "${model.id}".`);
    ids.add(model.id);
    if (model.version !== undefined) known(['models', m, 'version'], 'version', model.version, versions);
    else if (model.kind === 'chat') {
      fail(['models', m], `The chat model "${model.id}" names no version.`, 'add `version:`');
    }
    let previous = Number.NEGATIVE_INFINITY;
    for (const [u, update] of model.updates.entries()) {
      const path = ['models', m, 'updates', u] as const;
      known([...path, 'version'], 'version', update.version, versions);
      if (Date.parse(update.at) <= previous) fail([...path, 'at'], 'Updates must stand in order of time.');
      previous = Date.parse(update.at);
      if (!update.disclosed && (update.servedId ?? update.systemFingerprint) !== undefined) {
        fail([...path, 'disclosed'], 'An undisclosed update cannot change what the API says about itself.');
      }
      if (update.disclosed && update.servedId === undefined && update.systemFingerprint === undefined) {
        fail(path, 'A disclosed update needs a `servedId` or a `systemFingerprint`.');
      }
    }
  }
  for (const [a, alias] of scenario.aliases.entries()) {
    if (ids.has(alias.id)) fail(['aliases', a, 'id'], `Two models or aliases are called "${alias.id}".`);
    ids.add(alias.id);
    const targets = scenario.models.filter((m) => m.provider === alias.provider).map((m) => m.id);
    for (const [t, target] of alias.targets.entries()) {
      known(['aliases', a, 'targets', t, 'model'], `${alias.provider} model`, target.model, targets);
    }
  }
  const tags = [...new Set(scenario.knowledge.flatMap((k) => k.tags))];
  for (const [name, version] of Object.entries(scenario.versions)) {
    if (typeof version.skill === 'number') continue;
    for (const tag of Object.keys(version.skill)) {
      if (tag !== 'default') known(['versions', name, 'skill', tag], 'tag', tag, tags);
    }
  }
  for (const [e, effect] of scenario.effects.entries()) {
    for (const [t, tag] of (effect.tags ?? []).entries()) known(['effects', e, 'tags', t], 'tag', tag, tags);
    for (const name of [effect.when.version ?? []].flat()) {
      known(['effects', e, 'when', 'version'], 'version', name, versions);
    }
  }
  for (const [k, entry] of scenario.knowledge.entries()) {
    for (const [w, wrong] of entry.wrong.entries()) {
      if (typeof wrong === 'object' && wrong.tag !== undefined) {
        known(['knowledge', k, 'wrong', w, 'tag'], 'tag of this case', wrong.tag, entry.tags);
      }
    }
  }
  for (const [c, rule] of scenario.judge.criteria.entries()) {
    for (const side of ['yesWhen', 'notApplicableWhen'] as const) {
      for (const key of ['regex', 'regexLacks'] as const) {
        const source = rule[side]?.[key];
        if (source === undefined) continue;
        try {
          new RegExp(source, 'iu');
        } catch (error) {
          fail(['judge', 'criteria', c, side, key], `Not a regular expression: ${(error as Error).message}.`);
        }
      }
    }
  }
  return errors;
}

// Runs the `check` commands of state that was built from a layer, only when asked to, and keeps what they said.

import { childEnvironment, ownVariables } from '../../base/child-environment.ts';
import { type Env, LastgoodError, type SecretMask, shortHash } from '../../base/index.ts';
import {
  type Dependent,
  layerText,
  type Release,
  type RollbackDecision,
  type StateCheck,
} from '../../core/index.ts';
import { consentToCheck } from '../../engine/workplace/consent.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { startChild } from '../../provider/child.ts';

export interface VerifyStateInput {
  /** A suite in the ledger (its newest rollback target is checked) or a snapshot reference. */
  readonly asked: string;
  /** Another release to check against: a snapshot reference or a fingerprint prefix. */
  readonly target?: string | undefined;
  /** Where the commands run. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For one command. */
  readonly timeoutMs: number;
  readonly platform: string;
}

export interface VerifyStateReport {
  readonly schemaVersion: 1;
  readonly kind: 'state-checks';
  readonly suite: string;
  readonly release: string;
  readonly fingerprint: string;
  readonly checks: readonly StateCheck[];
  /** Dependents that name no check: only a person can say. */
  readonly unchecked: readonly Dependent[];
}

const OUTPUT_TAIL = 2000;

/** Runs the checks one after the other. A check that fails is a result, not an error. */
export async function verifyState(work: Workplace, input: VerifyStateInput): Promise<VerifyStateReport> {
  const { suite, release, dependents } = await subjectOf(work, input);
  if (dependents.length === 0) {
    throw new LastgoodError({
      code: 'NO_DEPENDENTS',
      message: `${release.name} ${shortHash(release.fingerprint)} names no dependent state, so there is nothing to check`,
      hint: 'list it under `dependents:` in the release file, each with a `check` command',
      exitCode: 3,
    });
  }
  const checks: StateCheck[] = [];
  for (const d of dependents) {
    if (d.check === undefined) continue;
    await consentToCheck(work, release, d.check);
    const check = await runCheck(work, input, release, d, d.check);
    await work.store.keepRecord({ kind: 'state-check', suite, at: check.at, body: { ...check } });
    checks.push(check);
  }
  return {
    schemaVersion: 1,
    kind: 'state-checks',
    suite,
    release: release.name,
    fingerprint: release.fingerprint,
    checks,
    unchecked: dependents.filter((d) => d.check === undefined),
  };
}

interface Subject {
  readonly suite: string;
  readonly release: Release;
  readonly dependents: readonly Dependent[];
}

async function subjectOf(work: Workplace, input: VerifyStateInput): Promise<Subject> {
  const { store, clock } = work;
  const known = await store.list({ suite: input.asked });
  if (known.length === 0 || input.target !== undefined) {
    const ref = input.target ?? input.asked;
    const all = known.length > 0 ? known : await store.list();
    const byFingerprint = /^[0-9a-f]{6,64}$/.test(ref)
      ? all.find((s) => s.fingerprint.startsWith(ref))
      : undefined;
    const summary =
      byFingerprint ??
      (await store.resolve(ref, {
        ...(known.length > 0 ? { suite: input.asked } : {}),
        now: clock.now(),
      }));
    const release = await store.releaseOf(summary.id);
    return { suite: summary.suite, release, dependents: release.dependents };
  }
  const decision = (await store.records('rollback', input.asked))
    .map((r) => r.body as unknown as RollbackDecision)
    .findLast((d) => d.target !== null);
  if (decision === undefined || decision.target === null) {
    throw new LastgoodError({
      code: 'NO_ROLLBACK_TARGET',
      message: `no rollback of suite "${input.asked}" has named a target yet, so there is nothing to check against`,
      hint: `lastgood rollback ${input.asked}, or name a release: --target REF`,
      exitCode: 3,
    });
  }
  const { target } = decision;
  const run = [decision.verification?.snapshot, target.snapshot]
    .filter((id) => id !== null && id !== undefined)
    .map((id) => known.find((s) => s.id === id && s.fingerprint === target.fingerprint))
    .find((s) => s !== undefined);
  const any = run ?? known.find((s) => s.fingerprint === target.fingerprint);
  if (any === undefined) {
    throw new LastgoodError({
      code: 'TARGET_NEVER_RUN',
      message: `the target ${shortHash(target.fingerprint)} was never run, so its layers are not in the ledger`,
      hint: `verify it: lastgood rollback ${input.asked}`,
      exitCode: 3,
    });
  }
  return {
    suite: input.asked,
    release: await store.releaseOf(any.id),
    dependents: target.dependents,
  };
}

async function runCheck(
  work: Workplace,
  input: VerifyStateInput,
  release: Release,
  d: Dependent,
  command: string,
): Promise<StateCheck> {
  const env = checkEnvironment(input.environment, d);
  const layer = release.layers[d.builtFrom];
  Object.assign(env, {
    LASTGOOD_FINGERPRINT: release.fingerprint,
    LASTGOOD_LAYER: d.builtFrom,
    // What the state must fit: the check compares its index's own facts with this.
    LASTGOOD_LAYER_JSON: JSON.stringify(layer ?? null),
    LASTGOOD_EMBEDDING: layerText(release.layers.retrieval, 'embedding') ?? '',
  });
  const shell = input.platform.startsWith('win32') ? ['cmd', '/d', '/s', '/c'] : ['/bin/sh', '-c'];
  const limit = AbortSignal.timeout(input.timeoutMs);
  const child = startChild(
    { command: [...shell, command], cwd: input.cwd, env, stdin: '' },
    AbortSignal.any([limit, work.hardSignal]),
  );
  const end = await child.end;
  const base = {
    name: d.name,
    builtFrom: d.builtFrom,
    fingerprint: release.fingerprint,
    layerHash: release.layerHashes[d.builtFrom] ?? null,
    command: work.mask.text(command),
    at: work.clock.now().toISOString(),
  };
  switch (end.kind) {
    case 'exited':
      return {
        ...base,
        outcome: end.code === 0 ? 'fits' : 'does-not-fit',
        exitCode: end.code,
        output: tail(work.mask, `${end.stdout}\n${end.stderr}`),
      };
    case 'aborted':
      return {
        ...base,
        outcome: 'timeout',
        exitCode: null,
        output: `no end within ${input.timeoutMs} ms`,
      };
    case 'killed':
      return { ...base, outcome: 'does-not-fit', exitCode: null, output: `ended by ${end.by}` };
    case 'not-started':
      return { ...base, outcome: 'not-started', exitCode: null, output: work.mask.text(end.message) };
    case 'too-large':
      return { ...base, outcome: 'does-not-fit', exitCode: null, output: 'it printed without end' };
  }
}

/** What a check gets of the environment: the basic variables, lastgood's own settings, and what its `env` names. */
function checkEnvironment(
  environment: VerifyStateInput['environment'],
  d: Dependent,
): Record<string, string> {
  const read: Env = Object.assign((name: string) => environment[name], { names: Object.keys(environment) });
  const env = { ...childEnvironment(read), ...ownVariables(read) };
  for (const name of d.env ?? []) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function tail(mask: SecretMask, text: string): string {
  const masked = mask.text(text.trim());
  return masked.length > OUTPUT_TAIL ? `…${masked.slice(-OUTPUT_TAIL)}` : masked;
}

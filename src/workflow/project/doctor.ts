// Is this machine able to work? Node, addon, ledger, keys, and the model of a release when one is named.

import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LastgoodError, secretMask, secretValues } from '../../core/index.ts';
import { createProvider } from '../../provider/index.ts';
import { loadRelease } from '../../release/index.ts';
import { openLedger } from '../../snapshot/index.ts';
import { findReleaseFile } from './settings-file.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly message: string;
  readonly hint?: string;
}

export async function examineMachine(input: {
  readonly node: string;
  readonly db: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly release?: string | undefined;
}): Promise<Check[]> {
  const checks: Check[] = [{ name: 'node', state: 'ok', message: input.node }];
  checks.push(await ledgerCheck(input.db));
  for (const name of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY']) {
    const set = (input.environment[name] ?? '') !== '';
    checks.push({
      name,
      state: set ? 'ok' : 'warn',
      message: set ? 'set' : 'not set (needed only for that provider)',
    });
  }
  if (input.release !== undefined) checks.push(await modelCheck(input.release, input.cwd, input.environment));
  return checks;
}

async function ledgerCheck(db: string): Promise<Check> {
  const there = await access(db).then(
    () => true,
    () => false,
  );
  // A look must not leave a ledger behind: without one, the addon is tried on a temporary file.
  const trial = there ? null : await mkdtemp(join(tmpdir(), 'lastgood-doctor-'));
  try {
    const store = await openLedger(trial === null ? db : join(trial, 'trial.db'), { create: !there });
    const newest = (await store.list({ limit: 1 }))[0];
    await store.close();
    if (!there) return { name: 'ledger', state: 'ok', message: `none yet at ${db}; SQLite works` };
    return {
      name: 'ledger',
      state: 'ok',
      message:
        newest === undefined
          ? `${db} (empty)`
          : `${db}, newest snapshot ${newest.id} of ${newest.startedAt.slice(0, 10)}`,
    };
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return {
      name: 'ledger',
      state: 'bad',
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  } finally {
    if (trial !== null) await rm(trial, { recursive: true, force: true });
  }
}

async function modelCheck(
  asked: string,
  cwd: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Check> {
  try {
    const release = await loadRelease(await findReleaseFile(asked, cwd));
    const provider = await createProvider(release, {
      env: (name) => environment[name],
      mask: secretMask(secretValues(environment)),
    });
    try {
      if (provider.modelFacts === undefined)
        return {
          name: 'model',
          state: 'ok',
          message: `${release.name}: ${provider.name} has no catalogue to ask`,
        };
      const facts = await provider.modelFacts(AbortSignal.timeout(10_000));
      if ('kind' in facts)
        return { name: 'model', state: 'bad', message: `${release.name}: ${facts.message}` };
      const until = facts.retiresAt === undefined ? '' : `, retires ${facts.retiresAt}`;
      const state = facts.state === 'available' ? 'ok' : facts.state === 'retired' ? 'bad' : 'warn';
      return { name: 'model', state, message: `${release.name}: ${facts.id} is ${facts.state}${until}` };
    } finally {
      await provider.close?.();
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return {
      name: 'model',
      state: 'bad',
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
}

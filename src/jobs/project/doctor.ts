// Is this machine able to work? Node, addon, ledger, keys, and the server of a release when one is named.

import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LastgoodError, secretMask, secretValues } from '../../base/index.ts';
import type { DoctorCheck, ProbePlan, ReleaseProbe } from '../../core/doctor.ts';
import type { Prices, Provider, Release } from '../../core/index.ts';
import { refuseSecrets } from '../../engine/workplace/refuse-secrets.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import { isServerAddress, openLedger, shownPlace } from '../../ledger/index.ts';
import { createProvider } from '../../provider/index.ts';
import { loadRelease } from '../../release/index.ts';
import { planProbe, probeRelease } from './probe-release.ts';

/** What `doctor` prints. */
export interface DoctorResult {
  readonly checks: readonly DoctorCheck[];
  /** What the server of the release supports; null where no call was made or answered. */
  readonly probe: ReleaseProbe | null;
}

export async function examineMachine(input: {
  readonly node: string;
  readonly db: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly release?: string | undefined;
  readonly prices: Prices | null;
  readonly signal: AbortSignal;
  /** Asked before calls that may cost money. */
  readonly agrees: (plan: ProbePlan) => Promise<boolean>;
}): Promise<DoctorResult> {
  const checks: DoctorCheck[] = [{ name: 'node', state: 'ok', message: input.node }];
  checks.push(await ledgerCheck(input.db));
  for (const name of KEYS) {
    const set = (input.environment[name] ?? '') !== '';
    checks.push({
      name,
      state: set ? 'ok' : 'warn',
      message: set ? 'set' : 'not set (needed only for that provider)',
    });
  }
  if (input.release === undefined) return { checks, probe: null };
  const looked = await releaseChecks(input.release, input);
  return { checks: [...checks, ...looked.checks], probe: looked.probe };
}

/** Of the two services whose keys most projects need. */
const KEYS = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'];

async function ledgerCheck(db: string): Promise<DoctorCheck> {
  if (isServerAddress(db)) return serverCheck(db);
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

/** A look makes no ledger on the server either. */
async function serverCheck(db: string): Promise<DoctorCheck> {
  const place = shownPlace(db);
  try {
    const store = await openLedger(db, { create: false });
    try {
      const newest = (await store.list({ limit: 1 }))[0];
      const what =
        newest === undefined
          ? ' (empty)'
          : `, newest snapshot ${newest.id} of ${newest.startedAt.slice(0, 10)}`;
      return { name: 'ledger', state: 'ok', message: `${place}${what}` };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    if (error.code === 'LEDGER_MISSING')
      return { name: 'ledger', state: 'ok', message: `none yet at ${place}; the server answers` };
    const { message, hint } = error;
    return { name: 'ledger', state: 'bad', message, ...(hint === undefined ? {} : { hint }) };
  }
}

type Input = Parameters<typeof examineMachine>[0];

/** The catalogue is free; the calls come after it, and only with consent. */
async function releaseChecks(asked: string, input: Input): Promise<DoctorResult> {
  try {
    const release = await loadRelease(await findReleaseFile(asked, input.cwd));
    const mask = secretMask(secretValues(input.environment));
    refuseSecrets({ mask }, release);
    const provider = await createProvider(release, { env: (name) => input.environment[name], mask });
    try {
      const model = await modelCheck(release, provider);
      if (model.state === 'bad') return { checks: [model], probe: null };
      const plan = planProbe({ release, prices: input.prices });
      if (plan === null)
        return {
          checks: [
            model,
            { name: 'call', state: 'ok', message: `${release.name}: ${NOT_CALLED[provider.name] ?? ''}` },
          ],
          probe: null,
        };
      if (!(await input.agrees(plan)))
        return {
          checks: [
            model,
            {
              name: 'call',
              state: 'warn',
              message: `${release.name}: nothing was called`,
              hint: 'pass --yes',
            },
          ],
          probe: null,
        };
      const { checks, probe } = await probeRelease({
        release,
        provider,
        prices: input.prices,
        signal: input.signal,
      });
      return { checks: [model, ...checks], probe };
    } finally {
      await provider.close?.();
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    const { message, hint } = error;
    return { checks: [{ name: 'model', state: 'bad', message, hint }], probe: null };
  }
}

/** Why a route is not tried: what is sent depends on a case, or nothing is sent. */
const NOT_CALLED: Readonly<Record<string, string>> = {
  http: 'the body needs a case; try one with `lastgood run SUITE --filter CASE`',
  command: 'the program needs a case; try one with `lastgood run SUITE --filter CASE`',
  replay: 'recorded answers need no call',
};

async function modelCheck(release: Release, provider: Provider): Promise<DoctorCheck> {
  if (provider.modelFacts === undefined)
    return {
      name: 'model',
      state: 'ok',
      message: `${release.name}: ${provider.name} has no catalogue to ask`,
    };
  const facts = await provider.modelFacts(AbortSignal.timeout(10_000));
  if ('kind' in facts) {
    const hint = 'check the key, `base-url` and `model` of the release';
    // A server without a catalogue may answer calls all the same.
    const state = facts.code === 'auth' || facts.code === 'connection' ? 'bad' : 'warn';
    return { name: 'model', state, message: `${release.name}: ${facts.message}`, hint };
  }
  const until = facts.retiresAt === undefined ? '' : `, retires ${facts.retiresAt}`;
  const state = facts.state === 'available' ? 'ok' : facts.state === 'retired' ? 'bad' : 'warn';
  return { name: 'model', state, message: `${release.name}: ${facts.id} is ${facts.state}${until}` };
}

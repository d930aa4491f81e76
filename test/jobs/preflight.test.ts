// The catalogue is asked before the first paid call: retired stops, deprecated is told, and what has no catalogue is let be.

import { describe, expect, it } from 'vitest';
import { SILENT, type Warning } from '../../src/base/index.ts';
import {
  fingerprintLayers,
  type Layers,
  type ModelFacts,
  type Provider,
  type Release,
} from '../../src/core/index.ts';
import { preflight } from '../../src/engine/arms/preflight.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';

function world(baseUrl?: string) {
  const layers = {
    route: {
      provider: 'openai',
      model: 'gpt-4o-2024-11-20',
      ...(baseUrl === undefined ? {} : { 'base-url': baseUrl }),
    },
  } as unknown as Layers;
  const release: Release = {
    name: 'refund-bot',
    file: 'releases/refund-bot.yaml',
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'dated' },
    dependents: [],
    paths: {},
  };
  const warnings: Warning[] = [];
  const work = {
    env: () => undefined,
    signal: new AbortController().signal,
    progress: { ...SILENT, warn: (w: Warning) => void warnings.push(w) },
  } as unknown as Workplace;
  let asked = 0;
  const provider = (state: ModelFacts['state'], retiresAt?: string): Provider => ({
    name: 'openai',
    call: () => Promise.reject(new Error('a preflight makes no paid call')),
    modelFacts: async () => {
      asked++;
      return { id: 'gpt-4o-2024-11-20', state, ...(retiresAt === undefined ? {} : { retiresAt }) };
    },
  });
  return { release, work, warnings, provider, asked: () => asked };
}

describe('the preflight', () => {
  it('refuses a retired model', async () => {
    const { release, work, provider } = world();
    await expect(
      preflight(work, [{ release, provider: provider('retired', '2026-01-01') }], undefined),
    ).rejects.toMatchObject({ code: 'MODEL_RETIRED', exitCode: 4 });
  });

  it('tells of one that will be retired, once for each model', async () => {
    const { release, work, provider, warnings, asked } = world();
    const model = { release, provider: provider('deprecated', '2027-01-01') };
    const findings = await preflight(work, [model, model], undefined);
    expect(findings).toMatchObject([
      { code: 'MODEL_RETIRING', message: expect.stringContaining('2027-01-01') },
    ]);
    expect(warnings).toHaveLength(1);
    expect(asked()).toBe(1);
  });

  it('asks a server elsewhere only when it is told to', async () => {
    const { release, work, provider, asked } = world('http://127.0.0.1:9/v1');
    const models = [{ release, provider: provider('unknown') }];
    expect(await preflight(work, models, undefined)).toEqual([]);
    expect(asked()).toBe(0);
    expect(await preflight(work, models, true)).toEqual([]);
    expect(asked()).toBe(1);
    expect(await preflight(work, models, false)).toEqual([]);
    expect(asked()).toBe(1);
  });

  it('warns once of variables that change calls, also when no catalogue is asked', async () => {
    const { release, work, provider, warnings, asked } = world();
    const environment = [{ variable: 'OPENAI_CUSTOM_HEADERS', effect: 'adds to every call: x-gateway' }];
    const model = { release, provider: { ...provider('available'), environment } };
    const found = await preflight(work, [model, model], false);
    expect(found).toEqual([
      {
        code: 'ENVIRONMENT_CHANGES_CALLS',
        message:
          'OPENAI_CUSTOM_HEADERS of the environment adds to every call: x-gateway; the fingerprint does not cover it',
      },
    ]);
    expect(warnings).toMatchObject([{ code: 'ENVIRONMENT_CHANGES_CALLS' }]);
    expect(asked()).toBe(0);
  });
});

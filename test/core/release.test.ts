import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import {
  changedLayers,
  fingerprintLayers,
  hybridRelease,
  LAYER_NAMES,
  type LayerName,
  type Layers,
  type PinState,
  type Release,
} from '../../src/core/release.ts';

const PINNED: PinState = { state: 'pinned', reason: 'dated' };
const FLOATING: PinState = { state: 'floating', reason: 'alias' };

const layer = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(fc.integer(), fc.string({ unit: 'binary' })),
);
const layers = fc
  .record(
    {
      route: layer.map((l) => ({ provider: 'openai' as const, ...l })),
      ...Object.fromEntries(LAYER_NAMES.slice(1).map((name) => [name, layer])),
    },
    { requiredKeys: ['route'] },
  )
  .map((l) => l as unknown as Layers);
const taken = fc.subarray([...LAYER_NAMES]);

function release(name: string, content: Layers, pin: PinState): Release {
  return {
    name,
    file: `${name}.yaml`,
    layers: content,
    ...fingerprintLayers(content),
    pin,
    dependents: [{ name: 'kb-index', builtFrom: 'retrieval' }],
    paths: { [name]: `/${name}` },
  };
}

test('there is one hash per present layer, and the fingerprint is the one over them', () => {
  fc.assert(
    fc.property(layers, (content) => {
      const { layerHashes, fingerprint } = fingerprintLayers(content);
      expect(Object.keys(layerHashes).sort()).toEqual(Object.keys(content).sort());
      expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    }),
  );
});

test('two releases have one fingerprint exactly when no layer has changed', () => {
  fc.assert(
    fc.property(layers, layers, (a, b) => {
      const x = release('april', a, PINNED);
      const y = release('may', b, PINNED);
      expect(x.fingerprint === y.fingerprint).toBe(changedLayers(x, y).length === 0);
      expect(changedLayers(x, x)).toEqual([]);
      expect(changedLayers(y, x)).toEqual(changedLayers(x, y));
    }),
  );
});

test('a hybrid has the taken layers of the donor and all others of the base', () => {
  fc.assert(
    fc.property(layers, layers, taken, (a, b, take) => {
      const base = release('base', a, PINNED);
      const donor = release('donor', b, FLOATING);
      const hybrid = hybridRelease(base, donor, take, PINNED);
      for (const name of LAYER_NAMES) {
        const from: Release = take.includes(name) ? donor : base;
        expect(hybrid.layers[name]).toEqual(from.layers[name]);
        expect(hybrid.layerHashes[name]).toBe(from.layerHashes[name]);
      }
      expect(hybrid.pin.state).toBe(take.includes('route') ? 'floating' : 'pinned');
      expect(hybrid.file).toBeNull();
    }),
  );
});

test('taking every changed layer gives the donor back, taking none the base', () => {
  fc.assert(
    fc.property(layers, layers, (a, b) => {
      const base = release('base', a, PINNED);
      const donor = release('donor', b, FLOATING);
      const all: LayerName[] = changedLayers(base, donor);
      expect(hybridRelease(base, donor, all, PINNED).fingerprint).toBe(donor.fingerprint);
      expect(hybridRelease(base, donor, [], PINNED).fingerprint).toBe(base.fingerprint);
    }),
  );
});

test('a hybrid changes nothing in the releases it is made of', () => {
  const base = release(
    'base',
    { route: { provider: 'openai' }, prompt: { system: 'a' } as JsonObject },
    PINNED,
  );
  const donor = release('donor', { route: { provider: 'anthropic' } }, FLOATING);
  const before = structuredClone(base);
  const hybrid = hybridRelease(base, donor, ['prompt', 'route'], PINNED);
  expect(hybrid.layers.prompt).toBeUndefined();
  expect(hybrid.name).toBe('base with prompt + route of donor');
  expect(base).toEqual(before);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changedLayers, LAYER_NAMES } from '../../src/core/release.ts';
import { diffReleases } from '../../src/release/index.ts';
import { RECORDINGS, releaseContent } from './arbitraries.ts';
import { releaseOf } from './memory.ts';

const APRIL = `route: { provider: openai, model: gpt-4o-2024-08-06 }
prompt:
  system: |
    You answer for a small shop.
    Be brief.
    Offer a refund within 14 days.
params: { temperature: 0, seed: 7 }
retrieval: { index: kb-april, filters: { lang: [de, en] } }
`;
const MAY = `route: { provider: openai, model: gpt-4o-2024-11-20 }
prompt:
  system: |
    You answer for a small shop.
    Be brief and kind.
    Offer a refund within 14 days.
params: { temperature: 0.3, stop: [END] }
automation: { mode: draft }
retrieval: { index: kb-april, filters: { lang: [de, en] } }
`;

test('each layer says whether and how it differs, in the words of the file', async () => {
  expect(diffReleases(await releaseOf(APRIL), await releaseOf(MAY))).toEqual([
    { layer: 'route', state: 'changed', lines: ['model: "gpt-4o-2024-08-06" -> "gpt-4o-2024-11-20"'] },
    {
      layer: 'prompt',
      state: 'changed',
      lines: [
        'system:',
        '@@ -1,3 +1,3 @@',
        ' You answer for a small shop.',
        '-Be brief.',
        '+Be brief and kind.',
        ' Offer a refund within 14 days.',
      ],
    },
    { layer: 'params', state: 'changed', lines: ['temperature: 0 -> 0.3', '- seed: 7', '+ stop[0]: "END"'] },
    { layer: 'retrieval', state: 'same', lines: [] },
    { layer: 'automation', state: 'added', lines: ['+ mode: "draft"'] },
  ]);
});

test('the other way round, added is removed', async () => {
  const diff = diffReleases(await releaseOf(MAY), await releaseOf(APRIL));
  expect(diff.at(-1)).toEqual({ layer: 'automation', state: 'removed', lines: ['- mode: "draft"'] });
});

test('control characters, direction marks and invisible ones are shown, never written', async () => {
  const nasty =
    'route: { provider: openai, model: m }\nprompt: { system: "a\\e[31m\\u202eb\\u200bc\\u0007" }\n';
  const [, prompt] = diffReleases(
    await releaseOf('route: { provider: openai, model: m }\nprompt: { system: a }\n'),
    await releaseOf(nasty),
  );
  expect(prompt?.lines.join('\n')).toBe('system: "a" -> "a\\u001b[31m\\u{202e}b\\u{200b}c\\u0007"');
});

test('a long text is cut to where it changes', async () => {
  const long = 'word '.repeat(100);
  const text = (end: string) =>
    `route: { provider: openai, model: m }\nprompt: { system: "${long}${end}" }\n`;
  const [, prompt] = diffReleases(await releaseOf(text('old')), await releaseOf(text('new')));
  expect(prompt?.lines).toEqual([
    'system: ..."word word word word word word old" -> ..."word word word word word word new"',
  ]);
});

test('the states are those of the hashes, a changed layer has lines, and no line can harm a terminal', async () => {
  await fc.assert(
    fc.asyncProperty(releaseContent, releaseContent, async (x, y) => {
      const a = await releaseOf(JSON.stringify(x), RECORDINGS);
      const b = await releaseOf(JSON.stringify(y), RECORDINGS);
      const diff = diffReleases(a, b);
      expect(diff.filter((d) => d.state !== 'same').map((d) => d.layer)).toEqual(changedLayers(a, b));
      expect(diff.map((d) => d.layer)).toEqual(LAYER_NAMES.filter((l) => a.layers[l] ?? b.layers[l]));
      for (const { state, lines } of diff) {
        expect(lines.length > 0).toBe(state !== 'same');
        for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }
    }),
  );
});

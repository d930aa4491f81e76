// A comparison that ended early tells of its arms what one that went its whole length tells.

import { expect, it } from 'vitest';
import { deskScenario, helpDesk, openaiRelease } from './help-desk.ts';

const LOST = 'desk-model-of-no-date';

it('parameters the API refused, and a model nobody can tell whether it is pinned', async () => {
  const scenario = deskScenario();
  const model = { id: LOST, provider: 'openai' as const, version: 'lost', refuses: ['temperature'] };
  const route = { provider: 'openai', api: 'responses', model: LOST, 'base-url': { env: 'DESK_OPENAI_URL' } };
  const d = await helpDesk({
    scenario: { models: [...scenario.models, model] },
    releases: { steady: openaiRelease(), lost: openaiRelease({ route }) },
  });
  const compared = await d.cli(
    ...['compare', 'suite.yaml', '--baseline-release', 'releases/steady.yaml'],
    ...['--release', 'releases/lost.yaml', '--tier', 'std', '--json'],
  );
  expect(compared.json.verdict, compared.stderr).toBe('regressed');
  const codes = async (id: string): Promise<string[]> =>
    (await d.cli('show', id, '--json')).json.snapshot.findings.map((f: { code: string }) => f.code);
  expect(await codes(compared.json.candidate.id)).toEqual([
    'STOPPED_EARLY',
    'MODEL_PIN_UNKNOWN',
    'PARAMS_REFUSED',
  ]);
  expect(await codes(compared.json.baseline.id)).toEqual(['STOPPED_EARLY']);
});

import { test } from 'vitest';
import { BAD_PROMPT, helpDesk, openaiRelease } from './help-desk.ts';

test('try drill', async () => {
  const d = await helpDesk({
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        prompt: { system: BAD_PROMPT, messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  await d.bless(await d.run('desk'));
  console.log((await d.cli('drill', 'suite.yaml', '--environment', 'production', '--by', 'ada')).stderr);
  console.log((await d.cli('drill', 'suite.yaml', '--environment', 'staging', '--by', 'ada')).stderr);
  console.log(
    (await d.cli('drill', 'suite.yaml', '--environment', 'staging', '--feature', 'desk', '--by', 'ada'))
      .stderr,
  );
  console.log(
    await d.cli(
      'registry',
      'set',
      'desk',
      'releases/desk.yaml',
      '--suite',
      'suite.yaml',
      '--environment',
      'staging',
      '--by',
      'ada',
      '--why',
      'x',
    ),
  );
  console.log(await d.cli('drill', 'suite.yaml', '--environment', 'staging', '--by', 'ada'));
  await d.run('generous');
  console.log(
    await d.cli(
      'registry',
      'set',
      'desk',
      'releases/generous.yaml',
      '--suite',
      'suite.yaml',
      '--environment',
      'staging',
      '--by',
      'ada',
      '--why',
      'x',
      '--override',
      'y',
    ),
  );
  console.log(
    await d.cli(
      'registry',
      'set',
      'desk',
      'releases/desk.yaml',
      '--suite',
      'suite.yaml',
      '--environment',
      'staging',
      '--by',
      'ada',
      '--why',
      'x',
    ),
  );
  for (const [k, v] of [
    ['ai.tools.enabled', 'true'],
    ['ai.action.mode', 'auto'],
  ] as const)
    await d.cli(
      'flag',
      'set',
      k,
      v,
      '--feature',
      'desk',
      '--environment',
      'staging',
      '--by',
      'ada',
      '--why',
      'x',
    );
  console.log((await d.cli('drill', 'suite.yaml', '--environment', 'staging', '--by', 'ada')).stdout);
  console.log((await d.cli('registry', 'history', 'desk')).stdout);
  console.log((await d.cli('flag', 'history')).stdout);
});

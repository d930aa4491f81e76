// docs/rollback.md: every command shown there is run here, in its order, and ends as the page says.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BAD_PROMPT, helpDesk, openaiRelease } from './help-desk.ts';

const PAGE = readFileSync(new URL('../../docs/rollback.md', import.meta.url), 'utf8');

/** Command lines of the page's shell blocks with the exit code the page gives. */
function commands(): { line: string; args: string[]; exit: number }[] {
  return [...PAGE.matchAll(/```sh\n([\s\S]*?)```/g)]
    .flatMap((block) => (block[1] ?? '').split('\n'))
    .filter((line) => line.startsWith('lastgood '))
    .map((line) => {
      const [command = '', comment = ''] = line.split('#');
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
      return { line, args: words.slice(1), exit: Number(/exit (\d)/.exec(comment)?.[1] ?? 0) };
    });
}

test('the page, from the first command to the last', async () => {
  const state = {
    retrieval: { index: 'kb-1', embedding: 'small' },
    dependents: [{ name: 'kb-index', 'built-from': 'retrieval', check: 'node check-index.mjs' }],
  };
  const desk = await helpDesk({
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0.05 } }],
    },
    releases: {
      desk: openaiRelease(state),
      generous: openaiRelease({
        ...state,
        prompt: { system: BAD_PROMPT, messages: [{ role: 'user', content: '{{ question }}' }] },
        params: { temperature: 0.3 },
      }),
    },
  });
  await desk.write('check-index.mjs', "process.exit(process.env.LASTGOOD_EMBEDDING === 'small' ? 0 : 1);");
  const list = commands();
  expect(list.length).toBeGreaterThan(12);
  for (const { line, args, exit } of list) {
    const fingerprint = args.includes('FINGERPRINT')
      ? (await desk.cli('list', '--json')).json.snapshots[0].fingerprint
      : '';
    const said = await desk.cli(...args.map((a) => (a === 'FINGERPRINT' ? fingerprint.slice(0, 12) : a)));
    expect(said.code, `${line}\n${said.stdout}\n${said.stderr}`).toBe(exit);
    expect(said.stdout.length, line).toBeGreaterThan(20);
  }
});

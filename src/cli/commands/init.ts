// lastgood init: a commented suite and release that run at once.

import type { Register } from '../options/register.ts';

export const registerInit: Register = (program, io) => {
  program
    .command('init')
    .argument('[dir]', 'folder to write into (default: here)')
    .description('write a commented suite and release that run at once, offline')
    .option('--force', 'overwrite files that are there')
    .action(async (dir: string | undefined, options: { force?: boolean }) => {
      const { initProject } = await import('../../jobs/project/init.ts');
      const written = await initProject({ dir: dir ?? '.', cwd: io.cwd, force: options.force === true });
      const cd = dir === undefined || dir === '.' ? '' : `cd ${dir} && `;
      for (const file of written) io.out(`written  ${file}\n`);
      io.out(`
It runs at once on recorded answers (no key, no network):
  ${cd}npx lastgood run first-suite --release releases/recorded.yaml
  npx lastgood bless latest --why "outputs read by hand"
Then look at releases/live.yaml, set the key it names, and run the same suite on a live model.
`);
    });
};

// Who is at the keyboard, as git knows it.

import { execFile } from 'node:child_process';

/** What git needs to find its configuration, and nothing else of the environment. */
const PASSED = /^(PATH|HOME|USERPROFILE|XDG_CONFIG_HOME|SYSTEMROOT|GIT_.*)$/i;

/** `user.name` of the repository in `cwd` or of the user; undefined without git or without a name. */
export async function gitUser(
  cwd: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED.test(name)));
  const name = await new Promise<string>((done) => {
    execFile('git', ['config', '--get', 'user.name'], { cwd, env, timeout: 5000 }, (error, stdout) =>
      done(error === null ? stdout.trim() : ''),
    );
  });
  return name === '' ? undefined : name;
}

// lastgood serve: intake, signals and metrics over HTTP. lastgood token: who may use it.

import { InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import { when } from '../../base/numbers.ts';
import { secretMask, secretValues } from '../../base/secrets.ts';
import { TOKEN_ROLES, type TokenRole } from '../../core/access-token.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import { type ObserveOptions, observeRules, observing } from '../options/observe-options.ts';
import { ledgerOf } from '../options/production.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, common, duration, printJson, wholeNumber } from '../options/session.ts';
import { VERSION } from '../options/version.ts';
import type { Io } from '../terminal/io.ts';

interface ServeOptions extends ObserveOptions {
  readonly host: string;
  readonly port: number;
  readonly environment: string;
  readonly allowHost?: readonly string[];
  readonly stepEvery: number;
  readonly webhook?: string;
  readonly trustProxy?: boolean;
  /** False with `--no-monitors`. */
  readonly monitors: boolean;
  readonly monitorEvery?: number;
}

const PORT = 7411;
const MONITOR_EVERY_MS = 3_600_000;

export const registerServe: Register = (program, io) => {
  observing(
    common(
      program
        .command('serve')
        .description(
          'take observations, outcomes and traces over HTTP; answer with flags, signals, metrics and pages',
        )
        .option('--environment <name>', 'whose flags and releases are served', DEFAULT_ENVIRONMENT)
        .option('--host <address>', 'address to listen on; others than this machine need tokens', '127.0.0.1')
        .option('--port <n>', 'port, 0 = any free one', port, PORT)
        .option(
          '--step-every <duration>',
          'how often rollouts that are under way read their gates (default 1m)',
          duration('--step-every'),
          60_000,
        )
        .option(
          '--webhook <url>',
          'where alerts of rollouts are posted, or env:NAME (default: LASTGOOD_WEBHOOK_URL)',
        )
        .option(
          '--allow-host <name>',
          'name under which the server may be asked, beside localhost (repeatable)',
          (name: string, before: readonly string[] | undefined) => [...(before ?? []), name],
        )
        .option(
          '--trust-proxy',
          'a proxy with TLS stands before the server: its X-Forwarded-Proto makes cookies Secure, and tokens are needed',
        )
        .option(
          '--monitor-every <duration>',
          'check the monitors of features/ so often (default 1h)',
          duration('--monitor-every', 'refused'),
        )
        .option('--no-monitors', 'check no monitors'),
    ),
  ).action(async (options: ServeOptions) => {
    const { startServer } = await import('../../server/start-server.ts');
    const { db, rules } = await observeRules(io, options);
    const server = await startServer({
      db,
      host: options.host,
      port: options.port,
      environment: options.environment,
      project: io.cwd,
      mask: secretMask(secretValues(io.environment)),
      hosts: options.allowHost ?? [],
      trustProxy: options.trustProxy === true,
      decisions: { variables: io.environment, webhook: await webhookFor(io, options), version: VERSION },
      rules,
      log: (entry) => {
        if (options.quiet !== true)
          io.err(`${JSON.stringify(entry)}
`);
      },
    });
    const steps = await stepRollouts(io, options, db);
    const watch = options.monitors ? await watchFeatures(io, options, db) : null;
    if (options.json)
      printJson(io, { schemaVersion: 1, kind: 'server', url: server.url, store: rules.store });
    else
      io.out(
        `lastgood listens on ${server.url} and stores ${rules.store === 'numbers' ? 'numbers, no texts' : 'numbers and texts'}; Ctrl-C ends it\n`,
      );
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      io.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await watch?.stop();
    await steps.stop();
    await server.close();
  });
};

/** As the commands of rollouts have it: the option, else the project's. */
async function webhookFor(io: Io, { webhook }: ServeOptions): Promise<string | undefined> {
  const { readSettings } = await import('../../engine/workplace/settings-file.ts');
  return webhook ?? (await readSettings(io.cwd)).webhook;
}

/** Steps the rollouts that are under way beside the server. */
async function stepRollouts(
  io: Io,
  { environment, stepEvery, webhook, quiet }: ServeOptions,
  db: string,
): Promise<{ stop(): Promise<void> }> {
  const { keepStepping } = await import('../../jobs/rollout/keep-stepping.ts');
  return keepStepping({
    program: [process.execPath, process.argv[1] ?? ''],
    ...{ processEnvironment: io.environment, cwd: io.cwd, db, environment, webhook, everyMs: stepEvery },
    tell: (step) => {
      if (quiet !== true) io.err(`${JSON.stringify(step)}\n`);
    },
  });
}

/** Checks the monitors of the project's features beside the server. */
async function watchFeatures(
  io: Io,
  { monitorEvery = MONITOR_EVERY_MS, quiet }: ServeOptions,
  db: string,
): Promise<{ stop(): Promise<void> }> {
  const { keepMonitoring } = await import('../../jobs/monitor/keep-monitoring.ts');
  return keepMonitoring({
    program: [process.execPath, process.argv[1] ?? ''],
    ...{ environment: io.environment, cwd: io.cwd, db, everyMs: monitorEvery },
    tell: (check) => {
      if (quiet !== true) io.err(`${JSON.stringify(check)}\n`);
    },
  });
}

function port(text: string): number {
  const value = wholeNumber('--port', 0)(text);
  if (value > 65_535) throw new InvalidArgumentError('a port from 0 to 65535');
  return value;
}

function role(text: string): TokenRole {
  const found = TOKEN_ROLES.find((r) => r === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${TOKEN_ROLES.join(', ')}`);
  return found;
}

export const registerToken: Register = (program, io) => {
  const token = program.command('token').description('who may use the server');

  common(
    token
      .command('add')
      .argument('<name>', 'what the token is for, e.g. the application')
      .description('make a token; it is shown once, and only its hash is stored')
      .requiredOption('--role <role>', 'observe: send; read: signals and metrics; operate: both', role),
  ).action(async (name: string, options: CommonOptions & { role: TokenRole }) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
      throw new LastgoodError({
        code: 'BAD_OPTION',
        message: `the name of a token has up to 64 letters, digits, dots, dashes and underscores, not ${JSON.stringify(name)}`,
      });
    const { addToken, openTokens } = await import('../../jobs/serve/tokens.ts');
    const tokens = await openTokens(await ledgerOf(io, options));
    try {
      const made = await addToken(tokens, name, options.role, new Date());
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'token', ...made.added, token: made.token });
      else io.out(`${made.token}\n`);
      io.err('the token is not stored and cannot be shown again; send it as: Authorization: Bearer TOKEN\n');
    } finally {
      await tokens.close();
    }
  });

  common(token.command('list').description('names and roles, never the tokens')).action(
    async (options: CommonOptions) => {
      const { openTokens } = await import('../../jobs/serve/tokens.ts');
      const tokens = await openTokens(await ledgerOf(io, options), { create: false });
      try {
        const list = await tokens.list();
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'tokens', tokens: list });
        else
          io.out(
            list.length === 0
              ? 'No tokens. Make one: lastgood token add NAME --role observe\n'
              : `${list.map((t) => `${terminalLine(t.name, 64).padEnd(24)} ${t.role.padEnd(8)} since ${when(t.createdAt)} UTC`).join('\n')}\n`,
          );
      } finally {
        await tokens.close();
      }
    },
  );

  common(
    token
      .command('remove')
      .argument('<name>')
      .description('end a token; a running server refuses it at once'),
  ).action(async (name: string, options: CommonOptions) => {
    const { openTokens, removeToken } = await import('../../jobs/serve/tokens.ts');
    const tokens = await openTokens(await ledgerOf(io, options), { create: false });
    try {
      await removeToken(tokens, name);
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'token-removed', name });
      else io.out(`removed ${terminalLine(name, 64)}\n`);
    } finally {
      await tokens.close();
    }
  });
};

// lastgood observe: production answers and their outcomes into the ledger.

import { InvalidArgumentError } from 'commander';
import { count } from '../../base/numbers.ts';
import type { IntakeReport } from '../../jobs/observe/intake.ts';
import type { ObserveInput } from '../../jobs/observe/observe-file.ts';
import { terminalLine } from '../../report/parts/escape.ts';
import { type ObserveOptions, observeRules, observing } from '../options/observe-options.ts';
import type { Register } from '../options/register.ts';
import { common, printJson } from '../options/session.ts';

type Format = NonNullable<ObserveInput['from']>;
const FORMATS: readonly Format[] = ['otlp', 'langfuse', 'langsmith', 'braintrust', 'chat'];

function format(text: string): Format {
  const found = FORMATS.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${FORMATS.join(', ')}`);
  return found;
}

export const registerObserve: Register = (program, io, exit) => {
  observing(
    common(
      program
        .command('observe')
        .argument('<file>', 'JSON lines of observations and outcomes, or - for standard input')
        .description('take production answers and what became of them into the ledger')
        .option('--feature <name>', 'the feature of lines that name none')
        .option('--from <format>', `read another tool's file: ${FORMATS.join(', ')}`, format),
    ),
  ).action(async (file: string, options: ObserveOptions & { feature?: string; from?: Format }) => {
    const [{ observeFile }, { openProduction }] = await Promise.all([
      import('../../jobs/observe/observe-file.ts'),
      import('../../jobs/observe/open-production.ts'),
    ]);
    const { db, rules } = await observeRules(io, options);
    const store = await openProduction(db);
    try {
      const { feature, from } = options;
      const report = await observeFile(store, {
        file,
        cwd: io.cwd,
        stdin: io.input?.(),
        feature,
        from,
        rules,
      });
      if (options.json) printJson(io, { schemaVersion: 1, kind: 'observe', ...report });
      else io.out(observeText(report));
      io.err(problemText(report, file));
      if (report.rejected > 0) exit(3);
    } finally {
      await store.close();
    }
  });
};

function observeText({ observations: o, outcomes: c, losses }: IntakeReport): string {
  const lines = [
    `${count(o.added, 'observation')} added, ${o.known} known already`,
    ...(c.added + c.known === 0 ? [] : [`${count(c.added, 'outcome')} added, ${c.known} known already`]),
    ...(losses?.dropped ?? []).map(
      (l) => `dropped: ${terminalLine(l.construct, 80)} (${l.count} times): ${terminalLine(l.reason, 120)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function problemText({ rejected, errors, unknownKeys, crowded }: IntakeReport, file: string): string {
  const lines = errors.map((e) => `${file}:${e.line}: ${terminalLine(e.message, 300)} [${e.code}]`);
  if (rejected > errors.length) lines.push(`${rejected - errors.length} more lines were rejected`);
  if (rejected > 0) lines.push(`${count(rejected, 'line')} rejected; all others were taken`);
  for (const [key, n] of Object.entries(unknownKeys))
    lines.push(`warning: the key ${JSON.stringify(key)} is not known and was ignored (${count(n, 'line')})`);
  for (const kind of crowded)
    lines.push(`warning: there are more than 500 values of ${kind}; further ones are counted as (other)`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

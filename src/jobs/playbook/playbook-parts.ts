// What a playbook rests on beside its commands: people, texts, releases, a verified target, a drill. Pure.

import { shortHash } from '../../base/index.ts';
import { count, when } from '../../base/numbers.ts';
import { shellWord } from '../../base/shell-word.ts';
import type { Playbook, PlaybookPart, PlaybookRelease, PlaybookSection } from '../../core/index.ts';

const DAY_MS = 86_400_000;

type Facts = Omit<Playbook, 'missing' | 'steps'>;

/** Everything that must be there, in the order of the sections, whether it is or not. `ledger`: `--db PLACE`, or nothing. */
export function playbookParts(
  facts: Facts,
  { maxAgeMs, ledger }: { readonly maxAgeMs: number; readonly ledger: readonly string[] },
): readonly PlaybookPart[] {
  const p: Asked = {
    ...facts,
    command: (...words) => ['lastgood', ...words, ...ledger].map(shellWord).join(' '),
  };
  const old = (at: string): boolean => Date.parse(p.at) - Date.parse(at) > maxAgeMs;
  return [
    ...monitorParts(p),
    webhookPart(p),
    releaseInForce(p),
    filePart(p, 'control', p.control),
    filePart(p, 'candidate', p.candidate),
    suitePart(p),
    firstRollbackPart(p),
    targetPart(p, old),
    drillPart(p, old),
    ...fallbackParts(p),
    ...authorityParts(p),
    ...messageParts(p),
  ];
}

interface Asked extends Facts {
  /** A command as it is typed in a shell. */
  readonly command: (...words: readonly string[]) => string;
}

const works = (section: PlaybookSection, what: string, detail: string): PlaybookPart => ({
  ...{ section, what, state: 'works', detail, next: null },
});
const broken = (section: PlaybookSection, what: string, detail: string, next: string): PlaybookPart => ({
  ...{ section, what, state: 'broken', detail, next },
});
const open = (section: PlaybookSection, what: string, detail: string, next: string): PlaybookPart => ({
  ...{ section, what, state: 'open', detail, next },
});

function monitorParts({ monitors, ticket, command }: Asked): PlaybookPart[] {
  if (monitors.length === 0)
    return [
      broken(
        'detect',
        'monitors',
        'the ticket has none: between two nightly runs nothing notices a change',
        `add monitors to ${ticket}; see docs/monitors.md`,
      ),
    ];
  return monitors.map(({ name, last }) => {
    const what = `monitor ${name}`;
    const next = command('monitor', ticket);
    if (last === null) return open('detect', what, 'never checked', next);
    const detail = `${last.outcome} on ${when(last.at)} UTC`;
    return last.outcome === 'cannot-tell'
      ? open('detect', what, `${detail} (${last.reason ?? 'no reason kept'})`, next)
      : works('detect', what, detail);
  });
}

function webhookPart({ webhook }: Asked): PlaybookPart {
  const what = 'alerts reach a person';
  return webhook
    ? works('detect', what, 'they are posted to a webhook')
    : open(
        'detect',
        what,
        'no webhook is set here: alerts are stored, and posted nowhere',
        'set LASTGOOD_WEBHOOK_URL, or notify.webhook in lastgood.yaml',
      );
}

function releaseInForce({ release, feature, environment, control, command }: Asked): PlaybookPart {
  const what = 'release in force';
  if (release !== null)
    return works(
      'roll-back',
      what,
      `${release.name} ${shortHash(release.fingerprint)} since ${when(release.since)} UTC`,
    );
  return broken(
    'roll-back',
    what,
    `${feature} points to no release in ${environment}`,
    command('registry', 'set', feature, control.file, '--environment', environment, '--why', 'TEXT'),
  );
}

function filePart({ ticket }: Asked, role: string, release: PlaybookRelease): PlaybookPart {
  const what = `release file of the ${role}`;
  return release.problem === null
    ? works('roll-back', what, `${release.file}, ${shortHash(release.fingerprint ?? '')}`)
    : broken(
        'roll-back',
        what,
        `${release.file}: ${release.problem}`,
        `restore the file, or correct its path in ${ticket}`,
      );
}

function suitePart({ suite, ticket }: Asked): PlaybookPart {
  const what = 'suite';
  return suite.problem === null
    ? works('investigate', what, suite.file)
    : broken('investigate', what, `${suite.file}: ${suite.problem}`, `correct it, or its path in ${ticket}`);
}

function firstRollbackPart({ firstRollback, ticket }: Asked): PlaybookPart {
  const what = 'first rollback';
  if (firstRollback === null)
    return broken('roll-back', what, 'the ticket has none', `add first-rollback to ${ticket}`);
  const flags = Object.entries(firstRollback.flags).map(([key, value]) => `${key} ${String(value)}`);
  return works('roll-back', what, [`restore ${firstRollback.restore.join(', ')}`, ...flags].join('; '));
}

function targetPart({ target, suite, control, command }: Asked, old: (at: string) => boolean): PlaybookPart {
  const what = 'verified rollback target';
  const next = command('drill', suite.file, '--release', control.file);
  if (target === null)
    return broken('roll-back', what, 'nothing shows that any release can be restored', next);
  const detail = `${target.release} ${shortHash(target.fingerprint)} by a ${target.by} on ${when(target.at)} UTC`;
  if (target.simulated)
    return open(
      'roll-back',
      what,
      `${detail}, on a simulator: the provider was not asked`,
      `${command('drill', suite.file, '--staging', 'RELEASE')}, or a rollback of a real regression`,
    );
  return old(target.at)
    ? open('roll-back', what, `${detail}: too long ago`, next)
    : works('roll-back', what, detail);
}

function drillPart({ drill, suite, control, command }: Asked, old: (at: string) => boolean): PlaybookPart {
  const what = 'last drill';
  const next = command('drill', suite.file, '--release', control.file);
  if (drill === null) return broken('roll-back', what, 'this suite was never drilled', next);
  const on = drill.where === 'simulator' ? ' on the simulator' : ' on staging';
  const detail = `${drill.outcome} on ${when(drill.at)} UTC, ${count(drill.ageDays, 'day')} ago${on}`;
  if (drill.outcome === 'failed') return broken('roll-back', what, detail, next);
  if (drill.outcome !== 'passed') return open('roll-back', what, detail, next);
  return old(drill.at)
    ? open('roll-back', what, `${detail}: too long ago`, next)
    : works('roll-back', what, detail);
}

function fallbackParts(p: Asked): PlaybookPart[] {
  if (p.fallbacks.length === 0)
    return [broken('roll-back', 'fallbacks', 'the ticket has none', `add fallbacks to ${p.ticket}`)];
  return p.fallbacks.map(({ name, release }) =>
    release === null
      ? works('roll-back', `fallback ${name}`, 'done by people')
      : { ...filePart(p, '', release), what: `fallback ${name}` },
  );
}

function authorityParts({ authority, ticket }: Asked): PlaybookPart[] {
  return authority.map(({ role, who }) =>
    who === null
      ? broken(
          'communicate',
          `authority: ${role}`,
          'not named in the ticket',
          `add authority.${role} to ${ticket}`,
        )
      : works('communicate', `authority: ${role}`, who),
  );
}

/** Customers get no internals of a provider: a message that names one is not ready to be sent. */
function messageParts({ messages, ticket, control, candidate, fallbacks }: Asked): PlaybookPart[] {
  const releases = [control, candidate, ...fallbacks.flatMap(({ release }) => release ?? [])];
  const internals = releases.flatMap(({ provider, model }) =>
    [provider, model].filter((word): word is string => word !== null && NAMED.test(word)),
  );
  return messages.map(({ name, text }) => {
    const what = `message: ${name}`;
    if (text === null)
      return broken('communicate', what, 'the ticket has none', `add messages.${name} to ${ticket}`);
    const named = internals.find((word) => text.toLowerCase().includes(word.toLowerCase()));
    return named === undefined
      ? works('communicate', what, text)
      : broken(
          'communicate',
          what,
          `it names ${named}, an internal of the provider`,
          `say in messages.${name} of ${ticket} what users see, and what they are to do`,
        );
  });
}

/** `http`, `command` and `replay` are words of ordinary sentences. */
const NAMED = /^(?!(http|command|replay)$)\S{4,}$/;

/** How old a verified target and a drill may be where nothing else is asked for. */
export const DEFAULT_MAX_AGE_MS = 30 * DAY_MS;

// lastgood playbook: what on-call does for one feature, filled from ticket, registry, monitors and ledger. Nothing is called or changed.

import { relative } from 'node:path';
import { LastgoodError, LastgoodErrors } from '../../base/index.ts';
import { count } from '../../base/numbers.ts';
import { shellWord } from '../../base/shell-word.ts';
import {
  AUTHORITIES,
  CUSTOMER_MESSAGES,
  type FeatureOverview,
  type GuardStore,
  layerText,
  type ObservationStore,
  type Playbook,
  type PlaybookRelease,
  type ReleaseTicket,
  type ShippingStore,
  type SnapshotStore,
} from '../../core/index.ts';
import { AUTHORITY_MAY, MESSAGE_WHEN } from '../../core/playbook.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import { appliedOf } from '../../engine/records/applied-log.ts';
import { ageInDays } from '../../engine/records/drill-record.ts';
import { monitorChecks } from '../../engine/records/monitor-records.ts';
import { newestRehearsal } from '../../engine/records/playbook-rehearsals.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findSuiteFile, findTicketFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { targetPercent } from '../../rollout/applied-state.ts';
import { ruleText } from '../../rollout/gate-reading.ts';
import { parseTicket } from '../../rollout/index.ts';
import { beforeOf, placeOf, type RegistryPlace, registryOf } from '../../rollout/registry.ts';
import { loadSuite } from '../../suite/index.ts';
import { episodesOf } from '../nightly/episodes.ts';
import { overviewJob } from '../pages/overview.ts';
import { checkName } from '../registry/names.ts';
import { rolloutOf } from '../rollout/rollout-log.ts';
import { rolloutReport } from '../rollout/rollout-report.ts';
import { signalsJob } from '../signals/signals.ts';
import { playbookParts } from './playbook-parts.ts';
import { playbookSteps } from './playbook-steps.ts';
import { lastDrillOf, lastTarget } from './read-target.ts';

const DAY_MS = 86_400_000;

export interface PlaybookSources {
  readonly work: Workplace;
  readonly shipping: ShippingStore;
  readonly guard: GuardStore;
  /** With its windows up to date. */
  readonly observations: ObservationStore;
}

export interface PlaybookInput {
  /** Ticket file, or name under `features/`. */
  readonly asked: string;
  readonly environment: string;
  readonly cwd: string;
  /** Where the pages are; null = the address was not given. */
  readonly server: URL | null;
  /** `--db PLACE` as commands need it; empty where the project's settings name the ledger. */
  readonly ledger: readonly string[];
  /** Is there a webhook that alerts are posted to? */
  readonly webhook: boolean;
  /** How old a verified target and a drill may be. */
  readonly maxAgeMs: number;
}

/** The playbook, and everything it rests on with whether it is there. Throws for a ticket that cannot be read. */
export async function playbookJob(
  from: PlaybookSources,
  input: PlaybookInput,
): Promise<{ readonly playbook: Playbook; readonly parts: ReturnType<typeof playbookParts> }> {
  const { work, shipping, guard, observations } = from;
  const { store, clock } = work;
  const file = await findTicketFile(input.asked, input.cwd);
  const parsed = parseTicket(await readText(file), file);
  const { feature, environment } = checkName({ feature: parsed.feature, environment: input.environment });
  const rollout = await rolloutOf(store, { feature, environment });
  const applied = await appliedOf(store, { feature, environment });
  const overview = await overviewJob(
    {
      ...{ store, observations, shipping, guard, clock, environment, project: input.cwd },
      rollouts: rollout === null ? [] : [rolloutReport(rollout)],
    },
    feature,
  );
  const [now] = overview.features;
  if (now === undefined) throw new Error('the overview of one feature has one');
  const place = placeOf(registryOf(await shipping.changes(0)), feature, environment);
  const files = await filesOf(parsed, input.cwd);
  const suiteName = files.suite.name ?? now.current?.suite ?? null;
  const facts = {
    ...({ schemaVersion: 1, kind: 'playbook', feature, environment, at: overview.at } as const),
    ...{ ticket: typed(file, input.cwd), workflow: parsed.workflow },
    ...(await withNights(store, now, suiteName)),
    release: releaseOf(now),
    before: earlier(place),
    ...files,
    rollout:
      rollout === null
        ? null
        : {
            ...{ id: rollout.spec.id, status: rollout.status, percent: rollout.percent },
            ...{ reason: rollout.reason, since: rollout.since, by: rollout.by },
          },
    applied:
      applied === null
        ? null
        : {
            ...{ id: applied.spec.id, status: applied.status, target: applied.spec.target.release },
            ...{ percent: targetPercent(applied), reason: applied.reason },
            ...{ since: applied.since, by: applied.by },
          },
    ...{ stops: now.stops, pendingApprovals: now.pendingApprovals },
    signals: await signalsOf(observations, feature, clock.now()),
    monitors: await monitorsOf(work, parsed),
    gates: parsed.gates.map((gate) => ({
      ...{ signal: gate.signal, rule: ruleText(gate), action: gate.action, flags: gate.flags },
    })),
    webhook: input.webhook,
    firstRollback: parsed.firstRollback,
    target: suiteName === null ? null : await lastTarget(work, suiteName),
    drill: suiteName === null ? null : await drillOf(work, suiteName),
    rehearsal: suiteName === null ? null : await rehearsalOf(store, suiteName, { feature, environment }),
    authority: AUTHORITIES.map((role) => ({
      ...{ role, who: parsed.authority[role] ?? null, may: AUTHORITY_MAY[role] },
    })),
    messages: CUSTOMER_MESSAGES.map((name) => ({
      ...{ name, text: parsed.messages[name] ?? null, when: MESSAGE_WHEN[name] },
    })),
    again: again(input, feature),
    links: linksOf(input.server, feature),
    assumedServer: input.server === null,
  };
  const parts = playbookParts(facts, input);
  const steps = playbookSteps({
    ...facts,
    ...{ parsed, ledger: input.ledger, ticketWord: await ticketWord(parsed, input.cwd) },
    wentBack: wentBack(place, rollout, applied),
  });
  return { playbook: { ...facts, steps, missing: parts.filter((p) => p.state !== 'works') }, parts };
}

/** A path from the working folder that no command takes for an option. */
function typed(file: string, cwd: string): string {
  const path = relative(cwd, file) || file;
  return path.startsWith('-') ? `./${path}` : path;
}

/** The name where it leads to this ticket, else the file. */
async function ticketWord({ feature, file }: ReleaseTicket, cwd: string): Promise<string> {
  const named = await findTicketFile(feature, cwd).catch(() => null);
  return named === file ? feature : typed(file, cwd);
}

async function filesOf(
  ticket: ReleaseTicket,
  cwd: string,
): Promise<Pick<Playbook, 'control' | 'candidate' | 'suite' | 'fallbacks'>> {
  const fallbacks: Playbook['fallbacks'][number][] = [];
  for (const [i, { name, release, useWhen, notWhen }] of ticket.fallbacks.entries())
    fallbacks.push({
      ...{ name, useWhen, notWhen },
      release: release === null ? null : await readRelease(release, cwd),
      step: release === null ? null : `roll-back.fallback.${i + 1}`,
    });
  return {
    control: { ...(await readRelease(ticket.control.release, cwd)), approved: ticket.control.approved },
    candidate: await readRelease(ticket.candidate.release, cwd),
    suite: await readSuite(ticket.suite, cwd),
    fallbacks,
  };
}

/** A file that is gone is a finding of the playbook, not its end. */
async function readRelease(path: string, cwd: string): Promise<PlaybookRelease> {
  const file = typed(path, cwd);
  try {
    const release = await loadRelease(path);
    const { name, fingerprint, layers } = release;
    const model = layerText(layers.route, 'model') ?? null;
    return { file, name, fingerprint, problem: null, provider: layers.route.provider, model };
  } catch (error) {
    const problem = problemOf(error);
    return { file, name: null, fingerprint: null, problem, provider: null, model: null };
  }
}

async function readSuite(path: string, cwd: string): Promise<Playbook['suite']> {
  const file = typed(path, cwd);
  try {
    return { file, name: (await loadSuite(await findSuiteFile(path, cwd))).name, problem: null };
  } catch (error) {
    return { file, name: null, problem: problemOf(error) };
  }
}

function problemOf(error: unknown): string {
  const first = error instanceof LastgoodErrors ? error.errors[0] : error;
  if (first instanceof LastgoodError) return `${first.message} (${first.code})`;
  throw error;
}

function releaseOf({ current, quality }: FeatureOverview): Playbook['release'] {
  if (current === null) return null;
  const { release: name, fingerprint, provider, model, at: since, by, why } = current;
  return { name, fingerprint, provider, model, since, by, why, quality };
}

/** The overview knows nightly episodes of the suite that the release in force was measured on; the ticket may name another. */
async function withNights(
  store: SnapshotStore,
  now: FeatureOverview,
  suite: string | null,
): Promise<Pick<Playbook, 'state' | 'reason' | 'episodes'>> {
  const { state, reason, episodes } = now;
  if (suite === null || suite === now.current?.suite) return { state, reason, episodes };
  const open = (await episodesOf(store, suite)).filter((e) => e.status === 'open');
  const [first] = open;
  const all: Playbook['episodes'] = [
    ...episodes,
    ...open.map(
      (e) => ({ id: e.id, kind: 'nightly', of: suite, openedAt: e.openedAt, reason: e.reason }) as const,
    ),
  ];
  return first === undefined || state === 'stopped' || state === 'alert'
    ? { state, reason, episodes: all }
    : { state: 'alert', reason: `${count(all.length, 'open episode')}: ${first.reason}`, episodes: all };
}

function earlier(place: RegistryPlace | undefined): Playbook['before'] {
  const before = place === undefined ? undefined : beforeOf(place);
  return before === undefined ? null : { name: before.release, fingerprint: before.fingerprint };
}

/** When users last went back to an earlier release: by a restored pointer, a rollout that was rolled back, or an applied rollback. */
function wentBack(
  place: RegistryPlace | undefined,
  rollout: Awaited<ReturnType<typeof rolloutOf>>,
  applied: Awaited<ReturnType<typeof appliedOf>>,
): string | null {
  const times = [
    place?.pointers.findLast((p) => p.restored)?.at,
    rollout?.status === 'rolled-back' ? rollout.since : undefined,
    applied === null || applied.status === 'cancelled' ? undefined : applied.history[0]?.at,
  ];
  return (
    times
      .filter((at) => at !== undefined)
      .sort()
      .at(-1) ?? null
  );
}

async function signalsOf(
  observations: ObservationStore,
  feature: string,
  now: Date,
): Promise<Playbook['signals']> {
  if (!(await observations.features()).some((f) => f.feature === feature)) return null;
  const report = await signalsJob(observations, { feature, now, since: DAY_MS, by: null });
  const [all] = report.groups;
  const known = (all?.signals ?? []).filter((s) => s.value !== null);
  return {
    ...{ from: report.from, to: report.to, observations: all?.observations ?? 0 },
    ...{ now: known, before: all?.before ?? null },
  };
}

async function monitorsOf(
  { store }: Pick<Workplace, 'store'>,
  { feature, monitors }: ReleaseTicket,
): Promise<Playbook['monitors']> {
  const last = (await monitorChecks(store, feature)).at(-1);
  return monitors.map(({ name, signal, change, action }) => {
    const found = last?.monitors.find((m) => m.name === name);
    return {
      ...{ name, signal, change, action },
      last:
        last === undefined || found === undefined
          ? null
          : { at: last.at, outcome: found.outcome, reason: found.reason },
    };
  });
}

async function drillOf(work: Workplace, suite: string): Promise<Playbook['drill']> {
  const drill = await lastDrillOf(work, suite);
  return drill === null ? null : { ...drill, ageDays: ageInDays(drill.at, work.clock.now()) };
}

async function rehearsalOf(
  store: SnapshotStore,
  suite: string,
  place: { readonly feature: string; readonly environment: string },
): Promise<Playbook['rehearsal']> {
  const newest = await newestRehearsal(store, suite, place);
  if (newest === null) return null;
  const { at, outcome, counts, elapsedMs } = newest;
  return { at, outcome, counts, elapsedMs };
}

function again({ asked, environment, server, ledger }: PlaybookInput, feature: string): Playbook['again'] {
  const place = environment === DEFAULT_ENVIRONMENT ? [] : ['--environment', environment];
  const rest = [...place, ...(server === null ? [] : ['--url', server.href]), ...ledger];
  const typedAs = (words: readonly string[]): string => ['lastgood', ...words].map(shellWord).join(' ');
  return {
    write: typedAs(['playbook', asked, '--out', `playbook-${feature}.md`, ...rest]),
    check: typedAs(['playbook', 'check', asked, ...rest]),
  };
}

/** Where the server of this machine has its pages. */
const THIS_MACHINE = 'http://127.0.0.1:7411/';

function linksOf(server: URL | null, feature: string): Playbook['links'] {
  const base = (server?.href ?? THIS_MACHINE).replace(/\/?$/, '/');
  const page = (path: string): string => new URL(path, base).href;
  return [
    { what: 'overview of all features', url: page('') },
    { what: 'timeline of this feature', url: page(`features/${feature}?since=7d`) },
    { what: 'its rollout', url: page(`rollouts/${feature}`) },
    { what: 'flags', url: page('flags') },
    { what: 'snapshots', url: page('snapshots') },
    { what: 'stops and approvals', url: page('guard') },
    { what: 'releases in force', url: page('registry') },
  ];
}

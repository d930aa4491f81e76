// May the rollout of a ticket start? Everything is read: the ticket, the files it names and what the ledger has shown. No call is made.

import { relative } from 'node:path';
import { shortHash } from '../../base/index.ts';
import { count, percent, when } from '../../base/numbers.ts';
import {
  type Comparison,
  type DrillReport,
  type ReadinessCheck,
  type Release,
  type RollbackDecision,
  resolvePolicy,
  type Suite,
} from '../../core/index.ts';
import type { ReleaseTicket, TicketReadiness } from '../../core/ticket.ts';
import { ageInDays, newestDrill } from '../../engine/records/drill-record.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findSuiteFile, findTicketFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { parseTicket, unfilledParts } from '../../rollout/index.ts';
import { loadSuite } from '../../suite/index.ts';

const HOUR_MS = 3_600_000;
/** A rollback target that was shown to work longer ago than this may not work any more. */
const TARGET_FRESH_MS = 24 * HOUR_MS;

/** A ticket with everything that its files say. */
interface Loaded {
  readonly ticket: ReleaseTicket;
  readonly control: Release;
  readonly candidate: Release;
  readonly suite: Suite;
  /** Paths as they are typed from the working directory. */
  readonly typed: {
    readonly ticket: string;
    readonly suite: string;
    readonly control: string;
    readonly candidate: string;
  };
}

/** Checks a ticket by name or file. Throws LastgoodError(s) for a ticket, release or suite that cannot be read. */
export async function checkTicket(work: Workplace, asked: string, cwd: string): Promise<TicketReadiness> {
  const loaded = await load(await findTicketFile(asked, cwd), cwd);
  const { ticket, typed, control, candidate, suite } = loaded;
  const checks = [
    complete(ticket, typed.ticket),
    different(control, candidate),
    await offlineSuite(work, loaded),
    await rollbackTarget(work, loaded),
    await drill(work, loaded),
  ];
  return {
    schemaVersion: 1,
    kind: 'ticket-check',
    feature: ticket.feature,
    file: ticket.file,
    at: work.clock.now().toISOString(),
    ready: checks.every((c) => c.state === 'met'),
    control: { release: control.name, fingerprint: control.fingerprint },
    candidate: { release: candidate.name, fingerprint: candidate.fingerprint },
    suite: suite.name,
    checks,
  };
}

async function load(file: string, cwd: string): Promise<Loaded> {
  const ticket = parseTicket(await readText(file), file);
  const control = await loadRelease(ticket.control.release);
  const candidate = await loadRelease(ticket.candidate.release);
  for (const { release } of ticket.fallbacks) if (release !== null) await loadRelease(release);
  const suite = await loadSuite(await findSuiteFile(ticket.suite, cwd));
  const typed = {
    ticket: relative(cwd, file),
    suite: relative(cwd, ticket.suite),
    control: relative(cwd, ticket.control.release),
    candidate: relative(cwd, ticket.candidate.release),
  };
  return { ticket, control, candidate, suite, typed };
}

function complete(ticket: ReleaseTicket, file: string): ReadinessCheck {
  const missing = unfilledParts(ticket);
  const [first] = missing;
  if (first === undefined)
    return met(
      'the ticket is complete',
      `${count(ticket.gates.length, 'gate')}, ${count(ticket.stages.length, 'stage')}`,
    );
  return {
    what: 'the ticket is complete',
    state: 'missing',
    detail: `not filled in: ${missing.map((m) => m.key).join(', ')}`,
    next: `add ${first.key} to ${file}: ${first.why}`,
  };
}

function different(control: Release, candidate: Release): ReadinessCheck {
  const what = 'control and candidate differ';
  if (control.fingerprint !== candidate.fingerprint)
    return met(what, `${shortHash(control.fingerprint)} and ${shortHash(candidate.fingerprint)}`);
  return {
    what,
    state: 'missing',
    detail: `both are ${shortHash(control.fingerprint)}: there is nothing to roll out`,
    next: 'name another candidate',
  };
}

/** The newest comparison of exactly these two releases on this suite, run by `compare` or `check`. */
async function offlineSuite(
  work: Workplace,
  { ticket, typed, control, candidate, suite }: Loaded,
): Promise<ReadinessCheck> {
  const what = 'the suite found the candidate not worse';
  const { offlineTrials } = ticket;
  const command = `lastgood compare ${typed.suite} --baseline-release ${typed.control} --release ${typed.candidate}${offlineTrials === null ? '' : ` --trials ${offlineTrials}`}`;
  const newest = (await work.store.records('comparison', suite.name))
    .map((r) => ({ at: r.at, c: r.body as unknown as Comparison }))
    .filter(
      ({ c }) =>
        c.baseline.fingerprint === control.fingerprint && c.candidate.fingerprint === candidate.fingerprint,
    )
    .at(-1);
  if (newest === undefined)
    return { what, state: 'unknown', detail: 'these two releases were never compared', next: command };
  const { c } = newest;
  const trials = c.overall.candidateTrialsPerCase ?? 0;
  const facts = `${c.verdict} on ${when(newest.at)} UTC, ${c.overall.pairs} of ${suite.cases.length} cases`;
  if (c.verdict === 'regressed' || c.gate.outcome === 'fail')
    return {
      what,
      state: 'missing',
      detail: facts,
      next: 'the candidate is worse: mend it before it is rolled out',
    };
  if (c.verdict === 'inconclusive' || c.verdict === 'invalid' || c.gate.outcome === 'inconclusive')
    return { what, state: 'unknown', detail: facts, next: command };
  const margin = resolvePolicy(suite.policy).maxMissing;
  const covered = suite.cases.length === 0 ? 0 : c.overall.pairs / suite.cases.length;
  if (1 - covered > margin)
    return { what, state: 'unknown', detail: `${facts}: not the suite as it is now`, next: command };
  if (offlineTrials !== null && trials < offlineTrials)
    return {
      what,
      state: 'unknown',
      detail: `${facts}, ${count(trials, 'trial')} per case; the ticket asks for ${offlineTrials}`,
      next: command,
    };
  return met(
    what,
    `${facts}, pass rate ${percent(c.baseline.passRate ?? 0)} → ${percent(c.candidate.passRate ?? 0)}`,
  );
}

/** The control was shown to work lately: by a verified rollback to it, or by the drill's proof that it can be restored. */
async function rollbackTarget(work: Workplace, { control, suite, typed }: Loaded): Promise<ReadinessCheck> {
  const what = 'a rollback target was verified within 24 hours';
  const next = `lastgood drill ${typed.suite} --release ${typed.control}`;
  const rollbacks = (await work.store.records('rollback', suite.name))
    .filter((r) => {
      const decision = r.body as unknown as RollbackDecision;
      return decision.decision === 'verified' && decision.target?.fingerprint === control.fingerprint;
    })
    .map((r) => ({ at: r.at, by: 'a verified rollback to it' }));
  const drills = (await work.store.records('drill', suite.name))
    .filter((r) =>
      (r.body as unknown as DrillReport).proofs.some(
        (p) =>
          p.name === 'restore model and prompt' &&
          p.outcome === 'proven' &&
          p.fingerprint === control.fingerprint,
      ),
    )
    .map((r) => ({ at: r.at, by: 'a drill that restored it' }));
  const newest = [...rollbacks, ...drills].sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  if (newest === undefined)
    return { what, state: 'unknown', detail: `nothing shows that ${control.name} can be restored`, next };
  const ageMs = work.clock.now().getTime() - Date.parse(newest.at);
  const detail = `${control.name} by ${newest.by}, ${when(newest.at)} UTC`;
  return ageMs >= 0 && ageMs <= TARGET_FRESH_MS
    ? met(what, detail)
    : { what, state: 'missing', detail: `${detail}: longer ago than 24 hours`, next };
}

async function drill(work: Workplace, { control, suite, typed }: Loaded): Promise<ReadinessCheck> {
  const what = 'the newest drill passed';
  const next = `lastgood drill ${typed.suite} --release ${typed.control}`;
  const record = await newestDrill(work, suite.name);
  if (record === null) return { what, state: 'unknown', detail: 'this suite was never drilled', next };
  const report = record.body as unknown as DrillReport;
  const age = count(ageInDays(record.at, work.clock.now()), 'day');
  const on =
    report.where.kind === 'simulator' ? ', on the simulator: the path was rehearsed, not the provider' : '';
  const flips =
    report.flips === undefined ? '' : `, flags of ${report.flips.environment} flipped and restored`;
  const detail = `${report.outcome} on ${when(record.at)} UTC, ${age} ago${on}${report.outcome === 'passed' ? flips : ''}`;
  if (report.fingerprint !== control.fingerprint)
    return {
      what,
      state: 'missing',
      detail: `${detail}; it was of ${report.release}, not of the control`,
      next,
    };
  if (report.outcome === 'passed') return met(what, detail);
  return { what, state: report.outcome === 'failed' ? 'missing' : 'unknown', detail, next };
}

function met(what: string, detail: string): ReadinessCheck {
  return { what, state: 'met', detail, next: null };
}

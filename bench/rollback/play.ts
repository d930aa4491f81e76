// Plays one incident through the real code: a ledger with its history, a scripted world that answers, the real decision.

import { normal } from '../stat/draws.ts';
import {
  type Candidate,
  changedLayers,
  findRollbackTarget,
  listCandidates,
  type Mt19937,
  mapCases,
  type Provider,
  type Release,
  type RollbackDecision,
  runSuite,
  SILENT,
  type SnapshotStore,
  type Suite,
  secretMask,
  suiteHash,
  type Workplace,
} from './imports.ts';
import { SESSION_SD } from './session-shapes.ts';
import { blessedOf, type Incident, isRight, shiftedRate } from './worlds.ts';

/** What one incident came to. */
export interface Outcome {
  readonly shape: string;
  readonly decision: RollbackDecision['decision'];
  readonly existed: boolean;
  /** The target is right by the truth; null without a target. */
  readonly right: boolean | null;
  /** No right candidate changes fewer layers than the target; null without a right target. */
  readonly smallest: boolean | null;
  readonly calls: number;
  /** Running every candidate in full, once. */
  readonly exhaustiveCalls: number;
  /** Would "restore the release that ran before" have been right? */
  readonly previousRight: boolean;
}

const NIGHTS = 5;
const HOUR_MS = 3_600_000;
const FULL_LOOK = 10;

export async function playIncident(
  store: SnapshotStore,
  template: Suite,
  incident: Incident,
  rng: Mt19937,
): Promise<Outcome> {
  const cases = mapCases(template.cases, (c) => ({
    ...c,
    critical: incident.critical?.has(Number(c.id.slice(5))) ?? false,
  }));
  const named = { ...template, cases, name: `incident-${incident.seed}` };
  const suite: Suite = { ...named, hash: suiteHash(named) };
  let shift = 0;
  let now = Date.parse('2026-03-01T03:00:00Z');
  let after = false;
  const never = new AbortController().signal;
  const work: Workplace = {
    store,
    clock: { now: () => new Date(now++) },
    rng,
    env: () => undefined,
    mask: secretMask([]),
    progress: SILENT,
    prices: null,
    environment: { lastgood: 'bench', node: 'bench', platform: 'bench' },
    signal: never,
    hardSignal: never,
    providerFor: async (release) => scriptedProvider(incident, release, () => ({ after, shift }), rng),
  };
  const night = async (release: Release): Promise<string> => {
    now += 24 * HOUR_MS;
    shift = SESSION_SD * normal(rng);
    const run = await runSuite(work, { suite, release, judge: null, embedder: null }, { concurrency: 16 });
    return run.summary.id;
  };
  // The fallback ran first, then the baseline for some nights, then whatever came before today.
  const [first, ...later] = incident.earlier;
  if (first !== undefined) await night(first);
  const nights: { id: string; rate: number }[] = [];
  for (let n = 0; n < NIGHTS; n++) {
    const id = await night(incident.baseline);
    nights.push({ id, rate: (await store.results(id)).summary.passRate ?? 0 });
  }
  const blessed = blessedOf(incident, nights, (n) => n.rate).id;
  await store.bless({
    snapshot: blessed,
    suite: suite.name,
    by: 'bench',
    why: 'known to be good',
    at: new Date(now).toISOString(),
    overrode: [],
  });
  for (const release of later) await night(release);
  after = true;
  const latest = await night(incident.current);

  now += HOUR_MS;
  shift = SESSION_SD * normal(rng);
  const { decision, target } = await findRollbackTarget(work, {
    suite: suite.name,
    from: latest,
    settings: { concurrency: 16 },
  });
  const candidates = candidatesOf(incident);
  const rightOnes = candidates.filter((c) => isRight(incident, c.release));
  const right = target === null ? null : isRight(incident, target);
  const verification = (await store.list({ suite: suite.name, purposes: ['verification'], limit: 1 }))[0];
  const look = verification?.plannedTrials ?? FULL_LOOK * suite.cases.length;
  const regressed = decision.regressedCases.length > 0;
  const previous =
    incident.earlier.at(-1) === first || later.length === 0
      ? incident.current.fingerprint === incident.baseline.fingerprint
        ? first
        : incident.baseline
      : later.at(-1);
  return {
    shape: incident.shape,
    decision: decision.decision,
    existed: incident.shape !== 'nothing regressed' && rightOnes.length > 0,
    right,
    smallest:
      target === null || right !== true
        ? null
        : rightOnes.every((c) => c.layersRestored.length >= changedLayers(incident.current, target).length),
    calls: decision.callsSpent,
    exhaustiveCalls: regressed ? candidates.length * look : 0,
    previousRight: previous !== undefined && isRight(incident, previous),
  };
}

function candidatesOf(incident: Incident): Candidate[] {
  return listCandidates({
    current: incident.current,
    baseline: incident.baseline,
    history: [],
    named: [incident.baseline, ...incident.earlier],
  }).filter((c) => c.release.fingerprint !== incident.current.fingerprint);
}

function scriptedProvider(
  incident: Incident,
  release: Release,
  time: () => { readonly after: boolean; readonly shift: number },
  rng: Mt19937,
): Provider {
  return {
    name: 'scripted',
    async call(request) {
      const { after, shift } = time();
      const chance = incident.rate(release, Number(request.caseId.slice(5)), after);
      const rate = chance === null ? null : shiftedRate(chance, shift);
      if (rate === null) {
        return {
          kind: 'failed',
          cause: 'infra_error',
          code: 'unknown_model',
          message: 'the model does not exist',
          retryable: false,
          fatal: true,
          latencyMs: 1,
        };
      }
      return {
        kind: 'answered',
        output: { text: rng.next() < rate ? 'yes' : 'no', toolCalls: [] },
        stopReason: 'stop',
        served: {
          model: String(release.layers.route['model']),
          systemFingerprint: null,
          serviceTier: null,
          region: null,
          requestId: null,
          simulated: true,
        },
        usage: null,
        latencyMs: 1,
        sent: {},
      };
    },
  };
}

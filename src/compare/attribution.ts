// What changed in the configuration, set beside what changed in the behaviour: whose change was it?

import type { Attribution, Comparison, OverallVerdict, Slice } from '../core/comparison.ts';
import { changedLayers } from '../core/release.ts';
import type { SnapshotSummary } from '../core/snapshot.ts';
import { listing } from './wording.ts';

/** What was seen to change, for the diagnosis. */
export interface Behaviour {
  readonly verdict: OverallVerdict;
  readonly slices: readonly Slice[];
  readonly metrics: Comparison['metrics'];
  /** Parts of the exam that differ, and whether anything was left to compare. */
  readonly examChanged: readonly string[];
  readonly pairs: number;
}

/** Do the disclosed values differ? What was not disclosed never alarms. */
function disclosedDiffer(a: readonly (string | null)[], b: readonly (string | null)[]): boolean {
  const before = new Set(a.filter((value) => value !== null));
  const after = new Set(b.filter((value) => value !== null));
  if (before.size === 0 || after.size === 0) return false;
  return before.size !== after.size || [...before].some((value) => !after.has(value));
}

/** Did behaviour change beyond noise anywhere that is measured? */
function behaviourChanged({ verdict, slices, metrics }: Behaviour): boolean {
  const moved = (v: string): boolean => v === 'regressed' || v === 'improved';
  return (
    moved(verdict) ||
    slices.some((slice) => moved(slice.verdict)) ||
    metrics.length.verdict === 'shifted' ||
    metrics.refusalRate.verdict === 'shifted' ||
    metrics.embedding.verdict === 'shifted'
  );
}

/** Names the change: the layers that differ, the provider where none does and behaviour still moved, or nothing. */
export function attribute(
  baseline: SnapshotSummary,
  candidate: SnapshotSummary,
  behaviour: Behaviour,
): Attribution {
  const layersChanged = changedLayers(baseline, candidate);
  return {
    layersChanged,
    servedModelChanged: disclosedDiffer(baseline.servedModels, candidate.servedModels),
    servedModels: { baseline: baseline.servedModels, candidate: candidate.servedModels },
    systemFingerprintChanged: disclosedDiffer(baseline.systemFingerprints, candidate.systemFingerprints),
    examChanged: behaviour.examChanged,
    diagnosis: diagnose(layersChanged, behaviour),
  };
}

function diagnose(layers: readonly string[], behaviour: Behaviour): string {
  if (layers.length > 0) return `${layers.join(' + ')} change`;
  if (behaviour.pairs === 0 && behaviour.examChanged.length > 0)
    return `exam change (${behaviour.examChanged.join(', ')})`;
  return behaviourChanged(behaviour) ? 'provider-side drift suspected' : 'no change in configuration';
}

function named(models: readonly (string | null)[]): string {
  const disclosed = models.filter((model) => model !== null);
  return disclosed.length === 0 ? 'not disclosed' : listing(disclosed);
}

/** The evidence about what was served, as cautions; empty when there is nothing to say. */
export function servedModelNotes(attribution: Attribution): string[] {
  const { servedModels: served } = attribution;
  const drift = attribution.diagnosis === 'provider-side drift suspected';
  if (attribution.servedModelChanged)
    return [`the served model changed: ${named(served.baseline)} → ${named(served.candidate)}`];
  if (attribution.systemFingerprintChanged)
    return ["the provider's system fingerprint changed while the served model id did not"];
  if (!drift) return [];
  return [
    `the configuration is the same in both; served model: ${named(served.baseline)} before, ${named(served.candidate)} after`,
  ];
}

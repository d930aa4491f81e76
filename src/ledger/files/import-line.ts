// One line of an exported snapshot: read, checked by itself, and turned into what the ledger keeps.

import type { z } from 'zod';
import { canonicalJson, type JsonValue, sha256 } from '../../base/json.ts';
import { codePointLength } from '../../base/text.ts';
import type { GradedTrial } from '../../core/snapshot.ts';
import type { Trial } from '../../core/trial.ts';
import { REMOVED_TEXT, restoreTexts } from '../model/share-long-texts.ts';
import {
  type BlessingLine,
  EXPORT_VERSION,
  type ExportLine,
  exportLine,
  type TrialLine,
} from './export-format.ts';
import { invalid } from './import-checks.ts';

/** Deeper JSON cannot be walked within the stack. Answers are never nested like this by chance. */
const MOST_DEPTH = 1650;

/** A blessing is of the snapshot it travels with. Throws `IMPORT_INVALID`. */
export function checkBlessing(
  line: BlessingLine,
  snapshot: { readonly suite: string; readonly fingerprint: string },
  number: number,
): void {
  if (line.suite !== snapshot.suite || line.fingerprint !== snapshot.fingerprint)
    throw invalid('the blessing is of another suite or release than the snapshot', number);
}

/** One line of an exported snapshot, checked by itself. Throws `IMPORT_INVALID`. */
export function parseLine(text: string, number: number): ExportLine {
  if (depthOf(text) > MOST_DEPTH)
    throw invalid(`the line is nested more than ${MOST_DEPTH.toLocaleString('en')} deep`, number);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`the line is not JSON (${(error as Error).message})`, number);
  }
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > EXPORT_VERSION)
    throw invalid(
      `its format is version ${version}, this lastgood reads up to ${EXPORT_VERSION}`,
      number,
      'update lastgood to at least the version that exported it',
    );
  const checked = exportLine.safeParse(value);
  if (!checked.success) throw invalid(problemOf(checked.error), number);
  // Not what zod made of it, which lacks keys named `__proto__`.
  return value as ExportLine;
}

/** How deep brackets are nested in a line of JSON. */
function depthOf(text: string): number {
  // As deep as it is long, at most.
  if (text.length < 2 * MOST_DEPTH) return 0;
  let [depth, deepest, inText] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 34) inText = !inText;
    else if (inText) i += code === 92 ? 1 : 0;
    else if (code === 91 || code === 123) deepest = Math.max(deepest, ++depth);
    else if (code === 93 || code === 125) depth--;
  }
  return deepest;
}

/** The first thing that is wrong with a line, in one sentence. */
function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join('.') ?? '';
  if (path === 'kind') return 'the line is of no kind that an export has';
  return `${path === '' ? 'the line' : `"${path}"`} is not as expected (${issue?.message ?? 'no reason'})`;
}

export function gradedTrial(
  value: TrialLine,
  textOf: (sha: string) => string | undefined,
  number: number,
): GradedTrial {
  const { trial, measures, grades, judgeCostUsd } = value;
  const found = value.texts.map((sha) => {
    const text = textOf(sha);
    if (text === undefined) throw invalid(`the text ${sha} it refers to is not there`, number);
    return text;
  });
  let sent: JsonValue = null;
  try {
    sent = trial.sent === null ? null : restoreTexts(trial.sent, found);
  } catch (error) {
    throw invalid((error as Error).message, number);
  }
  const whole = { ...trial, sent } as Trial;
  return {
    trial: wasRemoved(value) ? { ...whole, ...REMOVED } : whole,
    measures,
    grades,
    judgeCostUsd,
  } as GradedTrial;
}

/** What stands in the place of a removed answer, and where its hash is not known, that of what stands there. */
const REMOVED = {
  removedOutputHash: sha256(canonicalJson({ text: REMOVED_TEXT, toolCalls: [] })),
};

/** Did the ledger not have the answer? Exports made before removed answers had a mark of their own: no answer is as long as the one that was measured and says this. */
export function wasRemoved({ trial, measures }: Pick<TrialLine, 'trial' | 'measures'>): boolean {
  return (
    trial.status === 'answered' &&
    trial.removedOutputHash === undefined &&
    trial.output.text === REMOVED_TEXT &&
    measures.length !== codePointLength(REMOVED_TEXT)
  );
}

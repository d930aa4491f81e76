// What a check can do without a key: the present deterministic graders over the answers stored in the baseline.

import {
  type Case,
  type GraderSpec,
  isRemoved,
  needsEmbedder,
  needsJudge,
  needsProgram,
  type OfflineCheck,
  type StoredTrial,
  type Suite,
  trialOutcome,
} from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { createTrialGrader } from '../../grade/index.ts';
import type { FoundBaseline } from './check-baseline.ts';

/** Makes no call. Cases whose question changed since the baseline have no stored answer and are left out. */
export async function checkOffline(
  work: Workplace,
  suite: Suite,
  baseline: FoundBaseline | null,
  missing: string,
): Promise<OfflineCheck> {
  const changed: { case: string; before: boolean; now: boolean }[] = [];
  const broken: { case: string; reason: string }[] = [];
  let cases = 0;
  let answers = 0;
  let removed = 0;
  let passed = 0;
  if (baseline !== null) {
    const grader = createTrialGrader({
      judge: null,
      embedder: null,
      verdicts: null,
      costOf: () => null,
      nonce: () => '0'.repeat(32),
      mask: work.mask,
    });
    try {
      const stored = new Map(
        (await work.store.suiteOf(baseline.summary.id)).cases.map((c) => [c.id, c.contentHash]),
      );
      for (const c of suite.cases) {
        const own = offlineCase(c);
        if (own === null || stored.get(c.id) !== c.contentHash) continue;
        cases++;
        for await (const was of work.store.trials(baseline.summary.id, c.id)) {
          if (was.trial.status !== 'answered') continue;
          if (isRemoved(was.trial)) {
            removed++;
            continue;
          }
          const { grades } = await grader.gradeTrial(own, was.trial, work.hardSignal);
          // What was cut off says nothing about the grader.
          work.hardSignal.throwIfAborted();
          answers++;
          const outcome = trialOutcome(grades);
          for (const g of grades)
            if (g.status === 'ungraded' && !broken.some((b) => b.case === c.id))
              broken.push({ case: c.id, reason: `${g.graderId}: ${g.reason}` });
          if (outcome.kind !== 'graded') continue;
          if (outcome.pass) passed++;
          const before = passedBefore(was, own.graders);
          if (before !== null && before !== outcome.pass && !changed.some((x) => x.case === c.id))
            changed.push({ case: c.id, before, now: outcome.pass });
        }
      }
    } finally {
      await grader.close();
    }
  }
  const needExaminer = suite.cases.filter((c) => c.graders.some(asksExaminer)).length;
  return { missing, cases, answers, removed, passed, needExaminer, changed, broken };
}

/** The case with its deterministic graders only; null when it has none. */
function offlineCase(c: Case): Case | null {
  const graders = c.graders.filter((g) => !asksExaminer(g));
  return graders.length === 0 ? null : { ...c, graders };
}

function asksExaminer(spec: GraderSpec): boolean {
  return needsJudge(spec) || needsEmbedder(spec) || needsProgram(spec);
}

/** What the graders of the same names said when the answer was stored; null when one of them was not there. */
function passedBefore(was: StoredTrial, graders: readonly GraderSpec[]): boolean | null {
  const then = graders.map((g) => was.grades.find((old) => old.graderId === g.id));
  if (then.some((g) => g === undefined)) return null;
  const outcome = trialOutcome(then.flatMap((g) => g ?? []));
  return outcome.kind === 'graded' ? outcome.pass : null;
}

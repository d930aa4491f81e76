// Trial in, graded trial out: every grader of the case, the judge included.

import type { Grade } from '../core/grade.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import type { GradedTrial } from '../core/snapshot.ts';
import type { Case } from '../core/suite.ts';
import type { AnsweredTrial, Trial } from '../core/trial.ts';
import { gradeChoice } from './choice-grader.ts';
import { type CostMeter, costMeter, type GraderContext } from './context.ts';
import { type GraderResult, gradeFrom, mark, type Subject, unmeasured } from './grader-result.ts';
import { gradeJavascript } from './javascript-grader.ts';
import { gradeJson, gradeJsonSchema } from './json-graders.ts';
import { createPanel } from './judge.ts';
import { measureTrial } from './measures.ts';
import { gradeNumber } from './number-grader.ts';
import { gradeExtract, gradeMatches } from './pattern-graders.ts';
import { gradeProgram } from './program-grader.ts';
import { gradeRefusal } from './refusal.ts';
import { gradeRubric } from './rubric-grader.ts';
import {
  gradeCost,
  gradeLatency,
  gradeMaxLength,
  gradeMaxWords,
  gradeMinLength,
  gradeNoCodeFence,
} from './shape-graders.ts';
import { createSimilarGrader } from './similar-grader.ts';
import {
  gradeContains,
  gradeContainsAll,
  gradeContainsAny,
  gradeEquals,
  gradeOneOf,
  gradeStartsWith,
} from './text-graders.ts';
import { gradeMaxSteps, gradeToolCalled, gradeToolNotCalled } from './tool-grader.ts';
import { gradeTrajectory } from './trajectory-grader.ts';
import { cutOffGrade, ofTurn } from './turn-scope.ts';
import { createWorkerPool } from './worker-pool.ts';

/** Two patterns and two user functions at a time: as many as the smallest machine has cores. */
const WORKERS = 2;

/** Graders that look at what is kept of a trial without its answer. */
const NEEDS_NO_TEXT: readonly GraderSpec['type'][] = ['latency', 'cost'];

export interface TrialGrader {
  /** Grades an answered trial; any other comes back without grades. Never rejects: what fails is `ungraded`. */
  gradeTrial(c: Case, trial: Trial, signal: AbortSignal): Promise<GradedTrial>;
  /** Ends the workers; grading that is under way ends as cancelled. Providers are the caller's to close. */
  close(): Promise<void>;
}

export function createTrialGrader(context: GraderContext): TrialGrader {
  const patterns = createWorkerPool(WORKERS);
  const scripts = createWorkerPool(WORKERS);
  const judge =
    context.judge === null ? null : createPanel([context.judge, ...(context.panel ?? [])], context);
  const similar = createSimilarGrader(context.embedder, context);

  async function markOf(
    spec: GraderSpec,
    subject: Subject,
    cost: CostMeter,
    signal: AbortSignal,
  ): Promise<GraderResult> {
    switch (spec.type) {
      case 'equals':
        return gradeEquals(spec.options, subject);
      case 'one-of':
        return gradeOneOf(spec.options, subject);
      case 'contains':
      case 'icontains':
        return gradeContains(spec.type, spec.options, subject);
      case 'contains-all':
        return gradeContainsAll(spec.options, subject);
      case 'contains-any':
        return gradeContainsAny(spec.options, subject);
      case 'starts-with':
        return gradeStartsWith(spec.options, subject);
      case 'matches':
        return gradeMatches(spec.options, subject, patterns, signal);
      case 'extract':
        return gradeExtract(spec.options, subject, patterns, signal);
      case 'number':
        return gradeNumber(spec.options, subject);
      case 'json':
        return gradeJson(spec.options, subject);
      case 'json-schema':
        return gradeJsonSchema(spec.options, subject, patterns, signal);
      case 'max-length':
        return gradeMaxLength(spec.options, subject);
      case 'min-length':
        return gradeMinLength(spec.options, subject);
      case 'max-words':
        return gradeMaxWords(spec.options, subject);
      case 'no-code-fence':
        return gradeNoCodeFence(subject);
      case 'refusal':
        return gradeRefusal(spec.options, subject);
      case 'tool-called':
        return gradeToolCalled(spec.options, subject);
      case 'tool-not-called':
        return gradeToolNotCalled(spec.options, subject);
      case 'trajectory':
        return gradeTrajectory(spec.options, subject);
      case 'max-steps':
        return gradeMaxSteps(spec.options, subject);
      case 'latency':
        return gradeLatency(spec.options, subject);
      case 'cost':
        return gradeCost(spec.options, subject);
      case 'similar':
        return similar(spec.options, subject, cost, signal);
      case 'javascript':
        return gradeJavascript(spec.options, subject, scripts, signal);
      case 'command':
      case 'http':
        return gradeProgram(spec, subject, context.programs ?? null, signal);
      case 'judge':
        return gradeChoice(spec, subject, judge, cost, signal);
      case 'rubric':
        return gradeRubric(
          spec,
          subject,
          judge,
          async (check) => turned(check, await markOf(check, subject, cost, signal)),
          cost,
          signal,
        );
    }
  }

  async function gradeOne(
    spec: GraderSpec,
    whole: Subject,
    cost: CostMeter,
    signal: AbortSignal,
  ): Promise<Grade> {
    const subject = ofTurn(spec, whole);
    const remark = subject === null ? '' : stopRemark(subject.trial);
    let found: GraderResult;
    if (subject === null) {
      // The plain form and the `not-` form fail alike: there is nothing they could speak of.
      found = mark(spec.negate, `turn ${spec.turn} was not reached`);
    } else if (subject.trial.removedOutputHash !== undefined && !NEEDS_NO_TEXT.includes(spec.type)) {
      found = unmeasured(
        'no_output',
        'the answer is not in the ledger: it was pruned, forgotten or never kept (--store scores)',
      );
    } else if (isUnfinished(subject.trial)) {
      found = unmeasured(
        'no_output',
        `the answer is not finished: the provider stopped it with ${subject.trial.stopReason}`,
      );
    } else {
      try {
        found = await markOf(spec, subject, cost, signal);
      } catch (error) {
        // A defect of this tool, or a full store; neither is the subject's fault.
        found = unmeasured(
          'grader_error',
          `the grader failed: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    return gradeFrom(spec, found, remark, context.mask);
  }

  return {
    async gradeTrial(c, trial, signal) {
      const measures = measureTrial(trial);
      if (trial.status !== 'answered') return { trial, measures, grades: [], judgeCostUsd: 0 };
      const subject: Subject = { c, trial, text: trial.output.text };
      const cost = costMeter();
      const grades = await Promise.all(c.graders.map((spec) => gradeOne(spec, subject, cost, signal)));
      const cut = cutOffGrade(trial);
      return { trial, measures, grades: cut === null ? grades : [...grades, cut], judgeCostUsd: cost.usd };
    },
    async close() {
      await Promise.all([patterns.close(), scripts.close()]);
    },
  };
}

/** The finding of a `not-` criterion, turned round. */
function turned(spec: GraderSpec, found: GraderResult): GraderResult {
  if (!spec.negate || found.kind === 'ungraded') return found;
  return { ...found, met: !found.met, score: found.met ? 0 : 1 };
}

/** A pause the provider asks to be continued: what came so far is no answer. */
function isUnfinished(trial: AnsweredTrial): boolean {
  return trial.stopReason === 'other:pause_turn';
}

/** Answers that ended early are graded, because this is what a user saw; every reason says so. */
function stopRemark(trial: AnsweredTrial): string {
  switch (trial.stopReason) {
    case 'length':
      return ' [answer cut off by its token limit]';
    case 'refusal':
      return ' [ended by the provider as a refusal]';
    case 'content_filter':
      return " [ended by the provider's content filter]";
    default:
      return '';
  }
}

// The public API: files in, jobs, reports, and the types of all they take and give. Nothing else is promised to stay.

export {
  type ErrorExitCode,
  type ErrorWhere,
  LastgoodError,
  type LastgoodErrorInit,
  LastgoodErrors,
} from './base/errors.ts';
export type { JsonObject, JsonValue } from './base/json.ts';
export {
  type Clock,
  type Env,
  type Progress,
  type ProgressStep,
  type Rng,
  SILENT,
  type Warning,
} from './base/ports.ts';
export type { SecretMask } from './base/secrets.ts';
export { type CodeKind, type Trust, withTrust } from './base/trust.ts';
export type { BisectFinding, BisectOutcome, BisectPlan, BisectReport, BisectTest } from './core/bisect.ts';
export type { CaseList } from './core/case-list.ts';
export type {
  CheckBaseline,
  CheckEstimate,
  CheckExam,
  CheckExitCode,
  CheckResult,
  CheckScope,
  CheckVerdict,
  FirstRunCase,
  OfflineCheck,
  SuiteCheck,
} from './core/check.ts';
export type {
  ArmSummary,
  Attribution,
  BetweenRuns,
  CaseArm,
  CaseDelta,
  Cause,
  Comparison,
  Contrast,
  Contrasts,
  Coverage,
  Distribution,
  EmbeddingMetric,
  Flips,
  Gate,
  GateRule,
  Interval,
  Metric,
  MissingTrials,
  Multiplicity,
  OutputExample,
  OverallVerdict,
  PairedDelta,
  RateMetric,
  RunSummary,
  Slice,
  Verdict,
} from './core/comparison.ts';
export type { Message, Output, Role, ToolCall, ToolDefinition } from './core/conversation.ts';
export type { DrillCheck, DrillProof, DrillReport } from './core/drill.ts';
export type { Grade, ScoredGrade, TrialOutcome, UngradedCause, UngradedGrade } from './core/grade.ts';
export { GRADER_TYPES } from './core/grader-catalogue.ts';
export type { Criterion, GraderSpec, GraderType, JudgeContext } from './core/grader-spec.ts';
export type {
  HistoryPoint,
  HistoryReport,
  HistoryShift,
  HistoryTrend,
  SeriesChange,
} from './core/history.ts';
export type { IncidentArm, IncidentExample, IncidentReport, TimelineEntry } from './core/incident.ts';
export { type ChannelAction, type Policy, type PolicyFile, resolvePolicy } from './core/policy.ts';
export type { Prices } from './core/prices.ts';
export type {
  Answered,
  EmbeddingReply,
  Failure,
  FailureCause,
  Provider,
  ProviderReply,
  ProviderRequest,
  Served,
  StopReason,
  Usage,
} from './core/provider.ts';
export type {
  Dependent,
  EnvText,
  LayerName,
  Layers,
  PinState,
  ProviderName,
  Release,
} from './core/release.ts';
export type {
  Economy,
  EconomyRatio,
  Rejection,
  RejectionReason,
  RollbackDecision,
  RollbackTarget,
  Verification,
  VerificationCondition,
} from './core/rollback.ts';
export type {
  Blessing,
  CaseResult,
  Finding,
  GradedTrial,
  LedgerRecord,
  SnapshotPurpose,
  SnapshotQuery,
  SnapshotResults,
  SnapshotStore,
  SnapshotSummary,
  StoredTrial,
  TrialResult,
  Validity,
} from './core/snapshot.ts';
export type { Case, CaseContent, CaseSource, Suite } from './core/suite.ts';
export type { AnsweredTrial, Attempt, FailedTrial, SkipCause, SkippedTrial, Trial } from './core/trial.ts';
export { type Assignment, loadAssignment } from './engine/arms/assignment.ts';
export type { RunSettings } from './engine/arms/run-settings.ts';
export { type ArmsReport, type RunResult, resumeRun, runSuite } from './engine/arms/run-suite.ts';
export { compareStored } from './engine/comparison/compare-stored.ts';
export { JudgeLimit } from './engine/examiners/judge-limit.ts';
export { SECURE_RNG, SYSTEM_CLOCK, type WorkplaceInput } from './engine/workplace/open-workplace.ts';
export type { RedactRule, StoreMode } from './engine/workplace/privacy.ts';
export type { Workplace } from './engine/workplace/workplace.ts';
export type { UserGraderInput } from './grade/user-verdict.ts';
export { blessSnapshot } from './jobs/baseline/bless.ts';
export { type BisectRequest, bisectLayers } from './jobs/bisect/bisect.ts';
export { checkJob as check } from './jobs/check/check.ts';
export type { CheckInput, CheckPlan } from './jobs/check/check-input.ts';
export { type CompareResult, compareReleases } from './jobs/compare/compare-releases.ts';
export type { CompareInput } from './jobs/compare/compare-session.ts';
export { type DrillRequest, runDrill } from './jobs/drill/drill.ts';
export { type HistoryRequest, historyOfSuite } from './jobs/history/history.ts';
export { type IncidentInput, writeIncident } from './jobs/incident/incident.ts';
export { runSentinel, type Sentinel, type SentinelInput } from './jobs/judge/judge-sentinel.ts';
export { type NightlyInput, type NightlyResult, runNightly } from './jobs/nightly/nightly.ts';
export { type RegradeInput, type RegradeResult, regrade } from './jobs/regrade/regrade.ts';
export { findRollbackTarget, type RollbackRequest, type RollbackResult } from './jobs/rollback/rollback.ts';
export { type OpenWorkplaceInput, openWorkplace } from './library/open-workplace.ts';
export { loadRelease } from './release/load-release.ts';
export {
  checkMarkdown,
  checkText,
  comparisonHtml,
  comparisonJunit,
  comparisonMarkdown,
  comparisonText,
  incidentHtml,
  incidentMarkdown,
  rollbackMarkdown,
  rollbackText,
} from './report/index.ts';
export { loadSuite, type SuiteListeners } from './suite/load-suite.ts';

// Where files lie, as it is kept: from the project's folder, with forward slashes. A snapshot then tells nothing of the machine it was
// made on, is the same in two checkouts, and finds its recordings and modules again in either.

import nodePath from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { GraderSpec } from '../../core/grader-spec.ts';
import type { Release } from '../../core/release.ts';
import type { GradedTrial, SnapshotClosing } from '../../core/snapshot.ts';
import type { Suite } from '../../core/suite.ts';
import type { ProjectFolder } from './project-folder.ts';

type PathRules = Pick<typeof nodePath, 'isAbsolute' | 'relative' | 'resolve' | 'parse' | 'sep'>;

/** Translates between places on this machine and places as they are kept. */
export interface Places {
  /** `./…` inside the project, `../…` beside it; absolute where it has nothing in common with the project's folder. */
  kept(path: string): string;
  /** The path on this machine; what does not start with `.` comes back as it is. */
  found(path: string): string;
  /** A message without the project's and the user's own folder. */
  text(message: string): string;
}

/** Keeps everything as it is given. */
export const NO_PLACES: Places = { kept: (path) => path, found: (path) => path, text: (message) => message };

/** Places from a project's folder; without one everything stays as it is given. */
export function placesOf(project: ProjectFolder | undefined, rules: PathRules = nodePath): Places {
  if (project === undefined) return NO_PLACES;
  const root = rules.resolve(project.root);
  const slashed = (path: string): string => path.replaceAll(rules.sep, '/');
  const depth = steps(root.slice(rules.parse(root).root.length), rules.sep).length;
  const texts = [
    ...(project.copy === undefined ? [] : spellings(project.copy.folder, '.', rules)),
    ...spellings(root, '.', rules),
    ...(project.home === undefined ? [] : spellings(rules.resolve(project.home), '~', rules)),
  ];
  const original = (path: string): string => {
    if (project.copy === undefined) return path;
    const inside = rules.relative(project.copy.folder, path);
    return inside.startsWith('..') || rules.isAbsolute(inside)
      ? path
      : rules.resolve(project.copy.of, inside);
  };
  const keptPath = (given: string): string => {
    if (!rules.isAbsolute(given)) return given;
    const path = original(given);
    const relative = rules.relative(root, path);
    if (rules.isAbsolute(relative)) return path;
    const up = steps(relative, rules.sep).filter((step) => step === '..').length;
    if (up === 0) return relative === '' ? '.' : `./${slashed(relative)}`;
    return up >= depth ? path : slashed(relative);
  };
  // Thousands of cases stand in one file.
  let last = { path: '', kept: '' };
  return {
    kept(path) {
      if (path !== last.path) last = { path, kept: keptPath(path) };
      return last.kept;
    },
    found: (path) => (/^\.\.?(\/|$)/.test(path) ? rules.resolve(root, path) : path),
    text: (message) =>
      texts.reduce((text, [folder, instead]) => withoutFolder(text, folder, instead), message),
  };
}

function steps(path: string, separator: string): string[] {
  return path.split(separator).filter((step) => step !== '');
}

/** How a folder may stand in a message. One directly under the root (`/app`, `/root`) tells nothing, and may be an address of a service. */
function spellings(folder: string, instead: string, rules: PathRules): [folder: string, instead: string][] {
  if (steps(folder.slice(rules.parse(folder).root.length), rules.sep).length < 2) return [];
  const slashed = folder.replaceAll(rules.sep, '/');
  const address = `file://${slashed.startsWith('/') ? '' : '/'}${encodeURI(slashed)}`;
  return [...new Set([address, folder, slashed])].map((spelling) => [spelling, instead]);
}

/** Only the folder itself and what lies in it: `/home/ann/desk-2` is not in `/home/ann/desk`. */
function withoutFolder(text: string, folder: string, instead: string): string {
  let at = text.indexOf(folder);
  if (at < 0) return text;
  let done = '';
  let from = 0;
  for (; at >= 0; at = text.indexOf(folder, at + folder.length)) {
    if (/[\w.-]/.test(text[at + folder.length] ?? ' ') && !/^\.?(\s|$)/.test(text.slice(at + folder.length)))
      continue;
    done += text.slice(from, at) + instead;
    from = at + folder.length;
  }
  return done + text.slice(from);
}

type Place = (path: string) => string;

/** A suite with its own places translated; those of its cases are translated one by one. */
export function placedHeader<T extends Omit<Suite, 'cases'>>(suite: T, place: Place): T {
  const { file, judgeFile, panelFiles, embedderFile } = suite;
  return {
    ...suite,
    file: file === null ? null : place(file),
    judgeFile: judgeFile === null ? null : place(judgeFile),
    ...(panelFiles === undefined ? {} : { panelFiles: panelFiles.map(place) }),
    embedderFile: embedderFile === null ? null : place(embedderFile),
  };
}

/** Graders with the places of their modules and programs translated; the list itself where there is none. */
export function placedGraders(graders: readonly GraderSpec[], place: Place): readonly GraderSpec[] {
  if (place === NO_PLACES.kept || !graders.some(namesPlace)) return graders;
  return graders.map((grader) => placedGrader(grader, place));
}

function namesPlace(grader: GraderSpec): boolean {
  if (grader.type === 'javascript' || grader.type === 'command') return true;
  return (
    grader.type === 'rubric' && grader.options.criteria.some((c) => c.kind === 'check' && namesPlace(c.check))
  );
}

function placedGrader(grader: GraderSpec, place: Place): GraderSpec {
  if (!namesPlace(grader)) return grader;
  if (grader.type === 'javascript')
    return { ...grader, options: { ...grader.options, path: place(grader.options.path) } };
  if (grader.type === 'command')
    return { ...grader, options: { ...grader.options, cwd: place(grader.options.cwd) } };
  if (grader.type !== 'rubric') return grader;
  const criteria = grader.options.criteria.map((c) =>
    c.kind === 'check' ? { ...c, check: placedGrader(c.check, place) } : c,
  );
  return { ...grader, options: { ...grader.options, criteria } };
}

export function placedRelease(release: Release, place: Place): Release {
  return {
    ...release,
    file: release.file === null ? null : place(release.file),
    // Some of these are names of variables; they are no places and stay.
    paths: Object.fromEntries(Object.entries(release.paths).map(([key, path]) => [key, place(path)])),
  };
}

/**
 * A release as it travels in a file. The check of a dependent is a shell command, and no part of the fingerprint: it only ever comes from
 * a release file of the working tree.
 */
export function sharedRelease(release: Release): Release {
  return { ...release, dependents: release.dependents.map(({ check: _check, ...rest }) => rest) };
}

/** A trial whose messages and reasons name no folder of this machine. What the model said stays to the letter. */
export function placelessTrial(graded: GradedTrial, text: Places['text']): GradedTrial {
  if (text === NO_PLACES.text) return graded;
  const { trial } = graded;
  const attempts = trial.attempts.map((a) =>
    a.message === undefined ? a : { ...a, message: text(a.message) },
  );
  return {
    ...graded,
    trial:
      trial.status === 'answered'
        ? { ...trial, attempts }
        : { ...trial, attempts, message: text(trial.message) },
    grades: graded.grades.map((grade) => ({
      ...grade,
      reason: text(grade.reason),
      ...(grade.details === undefined ? {} : { details: placelessJson(grade.details, text) }),
    })),
  };
}

/** The texts of a closing without folders of this machine. */
export function placelessClosing<T extends SnapshotClosing>(closing: T, text: Places['text']): T {
  return {
    ...closing,
    validityReasons: closing.validityReasons.map(text),
    findings: closing.findings.map((f) => ({ ...f, message: text(f.message) })),
  };
}

/** Every text of a JSON value without folders of this machine. */
export function placelessJson<T extends JsonValue>(value: T, text: Places['text']): T {
  const walk = (v: JsonValue): JsonValue => {
    if (typeof v === 'string') return text(v);
    if (Array.isArray(v)) return (v as readonly JsonValue[]).map(walk);
    if (!isJsonObject(v)) return v;
    return Object.fromEntries(
      Object.entries(v).map(([key, child]) => [key, child === undefined ? child : walk(child)]),
    ) as JsonObject;
  };
  return text === NO_PLACES.text ? value : (walk(value) as T);
}

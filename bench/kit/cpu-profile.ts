// Where the time of a CPU profile went, as text: node bench/kit/cpu-profile.ts FILE.cpuprofile [LINES]

import { readFileSync } from 'node:fs';

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A file as a reader of the profile knows it: a package's name, a path from `src/`, or Node's own module. */
function fileOf({ url, functionName }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  const parts = url.split('/node_modules/');
  if (parts.length > 1) return (parts.at(-1) as string).match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? url;
  return url.startsWith('node:') ? url : url.replace(/^.*\/((?:src|bin|bench)\/)/, '$1');
}

const nameOf = (frame: Frame): string =>
  `${frame.functionName || '(anonymous)'} · ${fileOf(frame)}:${frame.lineNumber + 1}`;

/** Self time by file and function, and the time each own function answers for: its own and that of the library code it called. */
export function profileSummary(file: string, lines = 30): string {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const parents = new Map<number, number>();
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node.id);
  const self = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    self.set(id, (self.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });

  const tables = {
    'self time by file or package': new Map<string, number>(),
    'self time by function': new Map<string, number>(),
    'own function nearest to the work (its own time + the libraries it called)': new Map<string, number>(),
    'own file nearest to the work': new Map<string, number>(),
    'own function, with everything below it': new Map<string, number>(),
  };
  const [byFile, byFunction, nearest, nearestFile, below] = Object.values(tables) as [
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
  ];
  const add = (table: Map<string, number>, key: string, time: number): void => {
    table.set(key, (table.get(key) ?? 0) + time);
  };
  let busy = 0;
  let total = 0;
  for (const [id, time] of self) {
    const frame = frames.get(id) as Frame;
    total += time;
    if (frame.functionName === '(idle)') continue;
    busy += time;
    add(byFile, fileOf(frame), time);
    add(byFunction, nameOf(frame), time);
    const seen = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const above = frames.get(at) as Frame;
      if (!fileOf(above).startsWith('src/')) continue;
      if (seen.size === 0) {
        add(nearest, nameOf(above), time);
        add(nearestFile, fileOf(above), time);
      }
      const name = nameOf(above);
      if (!seen.has(name)) add(below, name, time);
      seen.add(name);
    }
    if (seen.size === 0) {
      const outermost = `(none) ${fileOf(frame)}`;
      add(nearest, outermost, time);
      add(nearestFile, outermost, time);
    }
  }
  const seconds = (time: number): string => (time / 1e6).toFixed(2);
  const text = [`${seconds(total)} s sampled, ${seconds(busy)} s busy; shares are of the busy time`];
  for (const [title, table] of Object.entries(tables)) {
    text.push('', title);
    for (const [name, time] of [...table].sort((a, b) => b[1] - a[1]).slice(0, lines))
      text.push(`${((100 * time) / busy).toFixed(1).padStart(6)} %  ${seconds(time).padStart(6)} s  ${name}`);
  }
  return `${text.join('\n')}\n`;
}

if (process.argv[1] === import.meta.filename)
  process.stdout.write(profileSummary(process.argv[2] ?? '', Number(process.argv[3] ?? 30)));

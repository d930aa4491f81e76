// The support desk with monitors: written, filled and checked by the command line.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { MonitorReport } from '../../src/core/index.ts';
import { monitorReportSchema } from '../../src/report/json/monitor-schema.ts';
import { json, lastgoodHere } from '../cli/lastgood.ts';
import { DAY, type DeskTraffic, REFERENCE, START, sendDesk } from './production-world.ts';

export const day = (n: number): number => START + n * DAY;
export const iso = (n: number): string => new Date(day(n)).toISOString();
export const LENGTH = { signal: 'length.p50', reference: REFERENCE, change: '10%', action: 'alert' };
export const EDITS = { signal: 'edits', reference: REFERENCE, change: '12 points', direction: 'up' };

/** A project with these monitors and this traffic: its file can be written again, and checked at a day. */
export async function desk(folder: string, monitors: readonly object[], traffic: DeskTraffic) {
  await mkdir(join(folder, 'features'), { recursive: true });
  const write = (list: readonly object[]): Promise<void> =>
    writeFile(join(folder, 'features/desk.yaml'), JSON.stringify({ feature: 'desk', monitors: list }));
  await write(monitors);
  await sendDesk(folder, traffic);
  const check = async (at: number, ...options: string[]) => {
    const ran = await lastgoodHere(['monitor', 'desk', '--at', iso(at), '--json', '--quiet', ...options], {
      cwd: folder,
    });
    const report = json<MonitorReport>(ran);
    // Only finite numbers and documented fields: unknown ones are a mistake here.
    expect(monitorReportSchema.strict().parse(report)).toEqual(report);
    return { code: ran.code, report, monitors: report.monitors };
  };
  return { write, check };
}

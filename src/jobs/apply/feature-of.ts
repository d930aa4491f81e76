// The feature that a person names: as it is typed, or the one of a ticket file.

import { readText } from '../../engine/workplace/checked-file.ts';
import { findTicketFile } from '../../engine/workplace/settings-file.ts';
import { parseTicket } from '../../rollout/index.ts';

export async function featureOf(asked: string, cwd: string): Promise<string> {
  if (!/[\\/]|\.(ya?ml|json)$/i.test(asked)) return asked;
  const file = await findTicketFile(asked, cwd);
  return parseTicket(await readText(file), file).feature;
}

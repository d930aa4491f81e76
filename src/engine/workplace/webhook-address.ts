// Where alerts are posted: the option, the settings or the environment.

import { LastgoodError } from '../../base/index.ts';
import { webhookUrl } from '../../provider/webhook.ts';
import type { Workplace } from './workplace.ts';

/** Holds the webhook's address when nothing else is said. */
const WEBHOOK_VARIABLE = 'LASTGOOD_WEBHOOK_URL';

/** The webhook's address, which from here on is masked wherever it might be written. */
export function webhookOf(work: Pick<Workplace, 'env' | 'mask'>, asked: string | undefined): URL | null {
  const name = asked?.startsWith('env:')
    ? asked.slice('env:'.length)
    : asked === undefined
      ? WEBHOOK_VARIABLE
      : null;
  const text = name === null ? asked : work.env(name);
  if (text === undefined || text === '') {
    if (asked === undefined) return null;
    throw new LastgoodError({
      code: 'WEBHOOK_URL',
      message: `the environment variable ${name ?? ''} that should hold the webhook's address is not set`,
    });
  }
  work.mask.add(text);
  const url = webhookUrl(text);
  work.mask.add(url.href);
  return url;
}

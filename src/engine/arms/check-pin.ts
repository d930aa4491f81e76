// Whether a release's model can change without a new fingerprint: a warning before a run, or an error with --require-pinned.

import { LastgoodError } from '../../base/errors.ts';
import type { Release } from '../../core/release.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** Throws `MODEL_FLOATING` where a pinned model is `required`; otherwise a floating one is a warning. */
export function checkPin(work: Pick<Workplace, 'progress'>, release: Release, required: boolean): void {
  if (release.pin.state !== 'floating') return;
  const code = 'MODEL_FLOATING';
  if (required) {
    throw new LastgoodError({
      code,
      message: `${release.name}: the model is a floating alias: ${release.pin.reason}`,
      where: { file: release.file ?? undefined, key: 'route.model' },
      hint: 'name a dated or otherwise fixed model id, or leave out --require-pinned',
    });
  }
  work.progress.warn({
    code,
    message: `${release.name}: ${release.pin.reason}; the provider can change what is served without any change of the fingerprint`,
    hint: 'name a dated or otherwise fixed model id',
  });
}

// lastgood status: has a valid run happened lately?

import type { Register } from '../options/register.ts';
import { type CommonOptions, duration, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

const DEFAULT_MAX_AGE = '26h';

export const registerStatus: Register = (program, io, exit) => {
  reading(
    program
      .command('status')
      .argument('[suite]', 'only this suite')
      .description(
        'has a valid run happened lately? open regressions, unsent alerts, missed nights (exit 3 when no run is recent enough)',
      )
      .option('--max-age <duration>', `how old the last valid run may be (default ${DEFAULT_MAX_AGE})`),
  ).action(async (suite: string | undefined, options: CommonOptions & { maxAge?: string }) => {
    const maxAge = options.maxAge ?? DEFAULT_MAX_AGE;
    const maxAgeMs = duration('--max-age', 'refused')(maxAge);
    const [{ suiteStatus }, { featureStatus }, { shippingStatus }, text] = await Promise.all([
      import('../../jobs/nightly/status.ts'),
      import('../../jobs/monitor/feature-status.ts'),
      import('../../jobs/rollout/shipping-status.ts'),
      import('../../report/text/status-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const suites = await suiteStatus(work, { suite, cwd: io.cwd, maxAgeMs });
      const features = suite === undefined ? await featureStatus(work.store) : [];
      const listed = new Set(suites.map((s) => s.suite));
      const shipping = await shippingStatus(work.store, { listed, only: suite !== undefined });
      const ok = suites.length > 0 && suites.every((s) => s.fresh);
      const style = styleOf(io);
      if (options.json)
        printJson(io, {
          ...{ schemaVersion: 1, kind: 'status', ok, maxAgeMs, suites, features },
          ...{ rollouts: shipping.rollouts, rollbacks: shipping.rollbacks },
        });
      else {
        io.out(text.statusText(suites, { style, maxAge }));
        io.out(text.featureStatusText(features, style));
        io.out(text.shippingStatusText(shipping, style));
      }
      exit(ok ? 0 : 3);
    });
  });
};

// Every published shape of a result, as the files in schema/ have it.

import { z } from 'zod';
import type { JsonObject } from '../../base/index.ts';
import { appliedRollbackSchema, rollbackPlanSchema } from './applied-rollback-schema.ts';
import { checkSchema, comparisonSchema } from './check-schema.ts';
import { decisionsSchema } from './decisions-schema.ts';
import { doctorSchema } from './doctor-schema.ts';
import { monitorReportSchema } from './monitor-schema.ts';
import {
  apiErrorSchema,
  featureSchema,
  flagsSchema,
  guardSchema,
  overviewSchema,
  pageActionSchema,
  rolloutsSchema,
  sessionSchema,
} from './pages-schema.ts';
import { residueSchema } from './residue-schema.ts';
import { rolloutSchema } from './rollout-schema.ts';
import { shadowSchema } from './shadow-schema.ts';
import { registrySchema } from './shipping-schema.ts';
import { signalsSchema } from './signals-schema.ts';
import { snapshotSchema, snapshotsSchema } from './snapshot-schema.ts';
import { timelineSchema } from './timeline-schema.ts';

/** File name in `schema/` to its content (draft-07). Open for fields that a later version adds. */
export function reportJsonSchemas(): ReadonlyMap<string, JsonObject> {
  const publish = (schema: z.ZodType, title: string): JsonObject => ({
    ...(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }) as JsonObject),
    title,
  });
  return new Map([
    ['comparison.schema.json', publish(comparisonSchema, 'lastgood comparison')],
    ['check.schema.json', publish(checkSchema, 'lastgood check')],
    ['monitor.schema.json', publish(monitorReportSchema, 'lastgood monitor')],
    ['signals.schema.json', publish(signalsSchema, 'lastgood signals')],
    ['timeline.schema.json', publish(timelineSchema, 'lastgood timeline')],
    ['decisions.schema.json', publish(decisionsSchema, 'lastgood decisions')],
    ['residue.schema.json', publish(residueSchema, 'lastgood residue')],
    ['shadow.schema.json', publish(shadowSchema(comparisonSchema), 'lastgood shadow')],
    ['doctor.schema.json', publish(doctorSchema, 'lastgood doctor')],
    ['registry.schema.json', publish(registrySchema, 'lastgood registry list')],
    ['rollout.schema.json', publish(rolloutSchema, 'lastgood rollout status')],
    ['applied-rollback.schema.json', publish(appliedRollbackSchema, 'lastgood rollback --apply')],
    ['rollback-plan.schema.json', publish(rollbackPlanSchema, 'lastgood rollback --apply --dry-run')],
    ['snapshots.schema.json', publish(snapshotsSchema, 'lastgood list')],
    ['snapshot.schema.json', publish(snapshotSchema, 'lastgood show')],
    ['overview.schema.json', publish(overviewSchema, 'lastgood serve: /api/overview')],
    ['feature.schema.json', publish(featureSchema, 'lastgood serve: /api/features/NAME')],
    ['rollouts.schema.json', publish(rolloutsSchema, 'lastgood serve: /api/rollouts')],
    ['flags.schema.json', publish(flagsSchema, 'lastgood serve: /api/flags')],
    ['guard.schema.json', publish(guardSchema, 'lastgood serve: /api/guard')],
    ['session.schema.json', publish(sessionSchema, 'lastgood serve: /api/session')],
    ['page-action.schema.json', publish(pageActionSchema, 'lastgood serve: answers of actions')],
    ['api-error.schema.json', publish(apiErrorSchema, 'lastgood serve: errors')],
  ]);
}

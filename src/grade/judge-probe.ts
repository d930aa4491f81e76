// One small question to a judge, before anything is paid that only it can grade.

import { contentHash, type JsonObject } from '../base/json.ts';
import type { ProviderRequest } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { capName, JUDGE_OUTPUT_TOKENS } from './judge.ts';
import { judgeMessages, VERDICT_SCHEMA_NAME, verdictSchema } from './judge-prompt.ts';

const CRITERIA = [{ id: 'greets', ask: 'Does the text greet the reader?' }];

/** A question of the same form as all others, about a text of our own. `nonce`: fresh random hex. */
export function judgeProbe(judge: Release, nonce: string): ProviderRequest {
  const params: JsonObject = judge.layers.params ?? {};
  const cap = capName(params);
  const question = {
    criteria: CRITERIA,
    conversation: [{ role: 'user', content: 'Hello?' }],
    expected: null,
    candidate: { text: 'Hello, and welcome.', toolCalls: [] },
  };
  return {
    caseId: 'probe',
    trial: 0,
    messages: judgeMessages(judge, question, nonce, null),
    vars: {},
    params: { ...params, [cap]: params[cap] ?? JUDGE_OUTPUT_TOKENS },
    outputSchema: { name: VERDICT_SCHEMA_NAME, schema: verdictSchema(CRITERIA), flexible: true },
  };
}

/** Under which a judge's answer to the probe is remembered. */
export function probeKey(judge: Release): string {
  return contentHash({ probe: judge.fingerprint });
}

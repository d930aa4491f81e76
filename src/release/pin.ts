// Does the route name a model that stays the same? Known naming habits of providers, as data; never a network call.

import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { PinState, ProviderName } from '../core/release.ts';

/** The first rule whose pattern fits the model id (and whose provider fits, if it names one) decides. */
export interface PinRule {
  readonly pattern: RegExp;
  readonly provider?: ProviderName;
  readonly state: PinState['state'];
  readonly reason: string;
}

/**
 * What the providers document about their model ids (OpenAI: models and changelog; Anthropic: model ids and versions;
 * Google: Vertex AI model versioning), as of November 2026. Order matters.
 */
const PIN_RULES: readonly PinRule[] = [
  {
    pattern: /(^|[-_/:@.])latest($|[-_/:@.])/i,
    state: 'floating',
    reason: 'a "latest" name follows every new version',
  },
  {
    pattern: /(^|[-_/:@.])(preview|exp|experimental)($|[-_/:@.])/i,
    state: 'floating',
    reason: 'preview models are changed or withdrawn at short notice',
  },
  {
    pattern: /^ft:/,
    state: 'pinned',
    reason: 'a fine-tuned model is named by its own id (its base may still be an alias)',
  },

  // Claude
  { pattern: /claude.*[-@]\d{8}/, state: 'pinned', reason: 'the id is dated' },
  {
    pattern: /claude-([a-z]+)-(4-([6-9]|\d{2})|([5-9]|\d{2})(-\d{1,2})?)($|[^\d-])/,
    state: 'pinned',
    reason: 'Claude ids from 4.6 on name one model for good, without a date',
  },
  {
    pattern: /claude/,
    state: 'floating',
    reason: 'a Claude id before 4.6 without a date is an alias of the newest snapshot',
  },

  // Gemini
  { pattern: /gemini.*-\d{3}$/, state: 'pinned', reason: 'the id ends in a version number' },
  {
    pattern: /gemini/,
    state: 'floating',
    reason: 'a Gemini name without a version number is moved to newer versions',
  },

  // OpenAI
  { pattern: /-20\d{2}-[01]\d-[0-3]\d$/, state: 'pinned', reason: 'the id is dated' },
  { pattern: /^(gpt-[34]|davinci|babbage).*-[01]\d[0-3]\d(-|$)/, state: 'pinned', reason: 'the id is dated' },
  {
    pattern: /^(gpt-(5\.[6-9]|[6-9])|text-embedding-)/,
    state: 'unknown',
    reason:
      'unpinnable: the provider publishes no dated id of this model, so only what is served can be watched',
  },
  {
    pattern: /^(gpt-|chatgpt-|o\d($|-)|codex-|computer-use|sora-|omni-|whisper|tts-|dall-e)/,
    state: 'floating',
    reason: 'an OpenAI name without a date is an alias that is moved to newer snapshots',
  },
];

const UNKNOWN: PinState = {
  state: 'unknown',
  reason: 'nothing is known about how this provider names fixed models',
};

/** Azure serves models under names the customer chose. */
const AZURE = /\.azure\.com|\.azure\.us|azure/i;

/** Whether the route names a fixed model. `rules` of the user come before the built-in ones. */
export function lintPin(
  route: JsonObject & { readonly provider: ProviderName },
  rules: readonly PinRule[] = [],
): PinState {
  const { provider } = route;
  const model = typeof route['model'] === 'string' ? route['model'] : undefined;
  const own = model === undefined ? undefined : firstFit(rules, model, provider);
  if (own !== undefined) return own;
  if (provider === 'replay') return { state: 'pinned', reason: 'recordings are named by their content' };
  if (provider === 'http' || provider === 'command')
    return {
      state: 'unknown',
      reason: 'the application chooses the model itself, and a release file cannot see which',
    };
  if (model === undefined) return UNKNOWN;
  const service = provider !== 'openai' && provider !== 'anthropic' ? provider : null;
  const azure = service === 'azure' || (service === null && AZURE.test(baseUrlOf(route)));
  const stated = typeof route['model-version'] === 'string' ? route['model-version'] : undefined;
  if (azure)
    return stated !== undefined
      ? { state: 'pinned', reason: `the deployment is stated to serve version ${stated}` }
      : {
          state: 'unknown',
          reason: "a deployment's name does not tell its model; state `model-version` in the route",
        };
  if (service !== null && stated !== undefined)
    return { state: 'pinned', reason: `"${model}" is stated to be ${stated}` };
  const found =
    (service === null ? undefined : firstFit(SERVICE_RULES, model, service)) ??
    firstFit(PIN_RULES, bareModel(model, service), provider);
  const reason = found?.reason ?? (service === null ? undefined : UNKNOWN_AT[service]);
  return reason === undefined
    ? UNKNOWN
    : { state: found?.state ?? 'unknown', reason: `"${model}": ${reason}` };
}

/** How services by name name models, beyond what the makers of the models document. */
const SERVICE_RULES: readonly PinRule[] = [
  {
    provider: 'openrouter',
    pattern: /(^|\/)auto($|:)/,
    state: 'floating',
    reason: 'OpenRouter chooses a model for each call',
  },
  {
    provider: 'ollama',
    pattern: /@sha256[:-][0-9a-f]{12,}/,
    state: 'pinned',
    reason: 'the name holds the digest of the weights',
  },
  {
    provider: 'ollama',
    pattern: /^/,
    state: 'floating',
    reason:
      '`ollama pull` can move a tag to other weights; state the digest of `ollama list` as `model-version`',
  },
  {
    provider: 'vllm',
    pattern: /^/,
    state: 'unknown',
    reason:
      "a repository's name does not tell its revision; state the server's `--revision` as `model-version`",
  },
  {
    provider: 'litellm',
    pattern: /^/,
    state: 'unknown',
    reason: "the proxy's configuration decides which model has this name; state it as `model-version`",
  },
  {
    provider: 'bedrock',
    pattern: /^arn:.*inference-profile\/(?!.*claude)/,
    state: 'unknown',
    reason: 'an inference profile does not tell its model; state it as `model-version`',
  },
  {
    provider: 'vertex',
    pattern: /@(default|latest)$/,
    state: 'floating',
    reason: 'the default version follows new versions',
  },
];

/** Why nothing is known of a model that no rule fits. */
const UNKNOWN_AT: Readonly<Partial<Record<ProviderName, string>>> = {
  openrouter:
    'OpenRouter may serve an open model from any host and in any precision; `provider-options: { provider: { order: […], allow_fallbacks: false } }` fixes the host',
};

/** The model's id as its maker writes it: without what a service puts around it. */
function bareModel(model: string, service: ProviderName | null): string {
  switch (service) {
    case 'openrouter': {
      const slug = model.replace(/^[^/]*\//, '').replace(/:[a-z]+$/, '');
      // Claude's versions are written with a point there.
      return slug.startsWith('claude') ? slug.replace(/(\d)\.(\d)/g, '$1-$2') : slug;
    }
    case 'gemini':
      return model.replace(/^models\//, '');
    case 'bedrock':
      return model.replace(/-v\d+(:\d+)?$/, '');
    default:
      return model;
  }
}

function firstFit(rules: readonly PinRule[], model: string, provider: ProviderName): PinState | undefined {
  const rule = rules.find(
    (r) => (r.provider === undefined || r.provider === provider) && r.pattern.test(model),
  );
  return rule === undefined ? undefined : { state: rule.state, reason: rule.reason };
}

/** The address, or the name of the variable that holds it: AZURE_OPENAI_ENDPOINT tells as much. */
function baseUrlOf(route: JsonObject): string {
  const url = route['base-url'];
  if (typeof url === 'string') return URL.canParse(url) ? new URL(url).hostname : url;
  return isJsonObject(url) && typeof url['env'] === 'string' ? url['env'] : '';
}

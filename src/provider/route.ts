// Reading a route layer: its texts, what it takes from the environment, and the key of its API.

import { LastgoodError, throwAll } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Clock, Env } from '../base/ports.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { Release } from '../core/release.ts';
import type { ServerFacts } from './output-form.ts';

/** What every provider needs from outside. */
export interface ProviderContext {
  readonly env: Env;
  /** Learns each key and header value that the route takes from the environment; everything reported goes through it. */
  readonly mask: SecretMask;
  /** What was learnt of servers, shared by all providers of a job; absent: each provider learns for itself. */
  readonly servers?: Map<string, ServerFacts> | undefined;
  /** For dates in reply headers; the machine's clock when absent. */
  readonly clock?: Clock | undefined;
}

/** Headers of a route, and which of them come from the environment, e.g. `authorization from APP_TOKEN`. */
interface RouteHeaders {
  readonly values: Readonly<Record<string, string>>;
  readonly variables: readonly string[];
}

/** Reads one release's route and gathers what is wrong with it, so that `done` can say it all at once. */
export interface RouteReader {
  readonly route: JsonObject;
  /** The text at a key; undefined when absent. */
  text(key: string): string | undefined;
  requiredText(key: string): string;
  number(key: string): number | undefined;
  /** A text that is given or stands in an environment variable; undefined when the key is absent or the variable is missing (which is noted). */
  envText(value: JsonValue | undefined, key: string): string | undefined;
  /** The route's headers, by names in lower case; values from the environment are masked from here on. */
  headers(): RouteHeaders;
  /** An http(s) address; its password and query values become secrets. */
  address(value: string | undefined, key: string): string | undefined;
  /** An address as messages show it: without what may be a credential, and with the variable it stands in. */
  shownAddress(value: JsonValue | undefined, address: string): string;
  /** The name of the variable that holds the API key. */
  keyVariable(variable: string): string;
  /** The address of `base-url`. One from the environment's `variable` alone is refused: no snapshot would record where the calls went. */
  baseUrl(variable: string): string | undefined;
  /** The address of a service by name: the given one, else the usual one. Notes that one is missing where there is no usual one. */
  ownAddress(value: JsonValue | undefined, usual: string | null): string | undefined;
  /** The variable of the access token, where the release names one. */
  tokenVariable(): string | undefined;
  /** The API key from the variable that the release names, else from `variable`; masked from here on. */
  apiKey(variable: string): string;
  /** The same where the service answers without a key: undefined when the variable is not set and the release does not name it. */
  optionalKey(variable: string): string | undefined;
  /** The access token from the variable that the release names, masked from here on; undefined when it names none. */
  token(): string | undefined;
  /** Notes a problem of another kind. */
  problem(error: LastgoodError): void;
  where(key: string): { file?: string; key: string };
  /** Throws what was noted. */
  done(): void;
}

/** A reader of the release's route. */
export function routeReader(release: Release, context: ProviderContext): RouteReader {
  const route: JsonObject = release.layers.route;
  const errors: LastgoodError[] = [];
  const where = (key: string) => ({
    ...(release.file === null ? {} : { file: release.file }),
    key: `route.${key}`,
  });
  const text = (key: string): string | undefined => {
    const value = route[key];
    return typeof value === 'string' ? value : undefined;
  };
  const envText: RouteReader['envText'] = (value, key) => {
    if (typeof value === 'string') return value;
    const variable = isJsonObject(value) ? value['env'] : undefined;
    if (!isJsonObject(value) || typeof variable !== 'string') return undefined;
    const found = context.env(variable);
    if (found === undefined || found === '') {
      errors.push(
        new LastgoodError({
          code: 'ENV_MISSING',
          message: `environment variable ${variable} is not set, and the route of release "${release.name}" takes "${key}" from it`,
          hint: `set ${variable} in the environment (.env is read for keys only)`,
          where: where(key),
        }),
      );
      return undefined;
    }
    return `${typeof value['prefix'] === 'string' ? value['prefix'] : ''}${found}`;
  };
  const keyVariable = (variable: string): string => release.paths['api-key-env'] ?? variable;
  const reader: RouteReader = {
    route,
    text,
    where,
    problem: (error) => void errors.push(error),
    requiredText(key) {
      const value = text(key);
      if (value === undefined || value === '') {
        errors.push(
          new LastgoodError({
            code: 'ROUTE_INCOMPLETE',
            message: `release "${release.name}" has a route without "${key}", which provider "${text('provider')}" needs`,
            where: where(key),
          }),
        );
        return '';
      }
      return value;
    },
    number(key) {
      const value = route[key];
      return typeof value === 'number' ? value : undefined;
    },
    envText,
    headers() {
      const values: Record<string, string> = {};
      const variables: string[] = [];
      for (const [name, value] of Object.entries(isJsonObject(route['headers']) ? route['headers'] : {})) {
        const found = envText(value, `headers.${name}`);
        if (found === undefined) continue;
        values[name.toLowerCase()] = found;
        if (!isJsonObject(value)) continue;
        const { prefix, env } = value as { prefix?: JsonValue; env?: JsonValue };
        variables.push(`${name.toLowerCase()} from ${String(env)}`);
        context.mask.add(found);
        if (typeof prefix === 'string') context.mask.add(found.slice(prefix.length));
      }
      return { values, variables };
    },
    address(value, key) {
      if (value === undefined) return undefined;
      const parsed = URL.canParse(value) ? new URL(value) : undefined;
      if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
        errors.push(
          new LastgoodError({
            code: 'ROUTE_ADDRESS',
            message: `the route of release "${release.name}" has no usable address in "${key}": expected http://… or https://…`,
            where: where(key),
          }),
        );
        return undefined;
      }
      for (const secret of [
        parsed.password,
        decodeURIComponent(parsed.password),
        ...parsed.searchParams.values(),
      ])
        context.mask.add(secret);
      return value;
    },
    shownAddress(value, address) {
      const { origin, pathname } = new URL(address);
      const variable = isJsonObject(value) ? value['env'] : undefined;
      return typeof variable === 'string' ? `$${variable} (${origin})` : `${origin}${pathname}`;
    },
    keyVariable,
    baseUrl(variable) {
      const elsewhere = route['base-url'] === undefined && (context.env(variable)?.trim() ?? '') !== '';
      if (elsewhere) {
        errors.push(
          new LastgoodError({
            code: 'ROUTE_REDIRECTED',
            message: `${variable} would send the calls of release "${release.name}" and its key to another server, and no snapshot would record that`,
            hint: `write the address into the release (base-url: https://…, or base-url: { env: ${variable} }), or unset ${variable}`,
            where: where('base-url'),
          }),
        );
        return undefined;
      }
      return reader.address(reader.envText(route['base-url'], 'base-url'), 'base-url');
    },
    apiKey(variable) {
      const name = keyVariable(variable);
      const key = context.env(name)?.trim();
      if (key === undefined || key === '') {
        errors.push(
          new LastgoodError({
            code: 'PROVIDER_NO_KEY',
            message: `environment variable ${name} is not set, and provider "${text('provider')}" of release "${release.name}" needs its API key from there`,
            hint: `set ${name} in the environment or in .env (any text does for a local server that asks for no key)`,
            where: where('provider'),
          }),
        );
        return '';
      }
      context.mask.add(key);
      return key;
    },
    ownAddress(value, usual) {
      if (value === undefined && usual !== null) return usual;
      if (value === undefined) reader.requiredText('base-url');
      return reader.address(reader.envText(value, 'base-url'), 'base-url');
    },
    tokenVariable: () => release.paths['token-env'],
    optionalKey(variable) {
      const isSet = (context.env(keyVariable(variable))?.trim() ?? '') !== '';
      return isSet || release.paths['api-key-env'] !== undefined ? reader.apiKey(variable) : undefined;
    },
    token() {
      const name = release.paths['token-env'];
      if (name === undefined) return undefined;
      const token = context.env(name)?.trim();
      if (token === undefined || token === '') {
        errors.push(
          new LastgoodError({
            code: 'PROVIDER_NO_KEY',
            message: `environment variable ${name} is not set, and provider "${text('provider')}" of release "${release.name}" needs its access token from there`,
            hint: `set ${name} in the environment or in .env; tokens end after about an hour`,
            where: where('token-env'),
          }),
        );
        return '';
      }
      context.mask.add(token);
      return token;
    },
    done: () => throwAll(errors),
  };
  return reader;
}

/** Now, by the context's clock. */
export function nowOf(context: ProviderContext): Date {
  return context.clock?.now() ?? new Date();
}

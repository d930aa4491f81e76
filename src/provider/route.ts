// Reading a route layer: its texts, what it takes from the environment, and the key of its API.

import { LastgoodError, throwAll } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { Clock, Env } from '../core/ports.ts';
import type { Release } from '../core/release.ts';
import type { SecretMask } from '../core/secrets.ts';

/** What every provider needs from outside. */
export interface ProviderContext {
  readonly env: Env;
  /** Learns each key and header value that the route takes from the environment; everything reported goes through it. */
  readonly mask: SecretMask;
  /** For dates in reply headers; the machine's clock when absent. */
  readonly clock?: Clock | undefined;
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
  /** An http(s) address; its password and query values become secrets. */
  address(value: string | undefined, key: string): string | undefined;
  /** The API key from the variable that the release names, else from `variable`; masked from here on. */
  apiKey(variable: string): string;
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
  return {
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
    envText(value, key) {
      if (typeof value === 'string') return value;
      const variable = isJsonObject(value) ? value['env'] : undefined;
      if (!isJsonObject(value) || typeof variable !== 'string') return undefined;
      const found = context.env(variable);
      if (found === undefined || found === '') {
        errors.push(
          new LastgoodError({
            code: 'ENV_MISSING',
            message: `environment variable ${variable} is not set, and the route of release "${release.name}" takes "${key}" from it`,
            hint: `set ${variable} in the environment or in .env`,
            where: where(key),
          }),
        );
        return undefined;
      }
      return `${typeof value['prefix'] === 'string' ? value['prefix'] : ''}${found}`;
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
    apiKey(variable) {
      const name = release.paths['api-key-env'] ?? variable;
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
    done: () => throwAll(errors),
  };
}

/** Now, by the context's clock. */
export function nowOf(context: ProviderContext): Date {
  return context.clock?.now() ?? new Date();
}

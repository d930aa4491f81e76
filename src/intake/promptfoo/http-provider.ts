// promptfoo's http provider as an http route.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { toLiquid } from './nunjucks.ts';
import { envText, headersOf, type RouteFound } from './provider-config.ts';
import type { Site } from './site.ts';

const HTTP_KEYS = new Set(['url', 'method', 'headers', 'body', 'transformResponse', 'responseParser']);

/** An endpoint of the application as an http route; a text says why there is none. */
export function httpRoute(id: string, config: JsonObject, site: Site): RouteFound | string {
  if (config['request'] !== undefined) return 'a raw HTTP request has no equal; write url, headers and body';
  site.keys(config, HTTP_KEYS, 'provider config ');
  const address = typeof config['url'] === 'string' ? config['url'] : id;
  if (!/^(https?:\/\/|\{\{)/i.test(address)) return 'it has no url';
  const url = envText(address, site.at('url'), 'url');
  if (url === null) return 'its url is made by a template';
  const route: Record<string, JsonValue> = { provider: 'http', url };
  if (typeof config['method'] === 'string') route['method'] = config['method'];
  else if (config['body'] === undefined) route['method'] = 'GET';
  const headers = config['headers'] === undefined ? null : headersOf(config['headers'], site.at('headers'));
  if (headers !== null) route['headers'] = headers;
  if (config['body'] !== undefined) {
    const body = bodyOf(config['body'], site.at('body'));
    if (body === undefined) return 'its body holds templates that Liquid has no equal of';
    route['body'] = body;
  }
  const parser = config['transformResponse'] ?? config['responseParser'];
  if (typeof parser === 'string') {
    const path = /^\(?\s*json((?:\??\.\w+|\[\d+\]|\[['"]\w+['"]\])+)\s*\)?;?$/.exec(parser.trim())?.[1];
    if (path !== undefined)
      route['output'] = path
        .replace(/\?/g, '')
        .replace(/\[['"]?(\w+)['"]?\]/g, '.$1')
        .replace(/^\./, '');
    else if (parser.trim() !== 'text')
      return 'its `transformResponse` is code that is more than a path in the reply';
  } else if (parser !== undefined) return 'its `transformResponse` is code';
  return { route };
}

function bodyOf(value: JsonValue, site: Site): JsonValue | undefined {
  if (typeof value === 'string') {
    const liquid = toLiquid(value);
    for (const part of liquid.unsupported) site.dropped(`${part} in the body`, 'Liquid has no equal');
    return liquid.unsupported.length > 0 ? undefined : liquid.text;
  }
  if (Array.isArray(value)) {
    const list = (value as readonly JsonValue[]).map((item, i) => bodyOf(item, site.at(i)));
    return list.some((v) => v === undefined) ? undefined : (list as JsonValue[]);
  }
  if (!isJsonObject(value)) return value;
  const out: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    const body = bodyOf(item as JsonValue, site.at(key));
    if (body === undefined) return undefined;
    out[key] = body;
  }
  return out;
}

// Who answers a route of the Messages API: Anthropic, a server that speaks its API, Amazon Bedrock or Vertex AI. Makes the SDK's client.

import { createRequire } from 'node:module';
import type { Anthropic, APIError as ApiError } from '@anthropic-ai/sdk';
import { LastgoodError } from '../base/errors.ts';
import type { Env } from '../base/ports.ts';
import { type ModelApiName, modelApi } from '../core/model-apis.ts';
import { messagesVersion } from '../core/release.ts';
import type { ApiPlace } from './api-call.ts';
import type { RouteReader } from './route.ts';

/** The client and the class of its errors. */
interface Opened {
  readonly client: Pick<Anthropic, 'post' | 'get'> & { readonly models?: Anthropic['models'] };
  readonly SdkError: typeof ApiError;
}

export interface AnthropicService {
  readonly name: ModelApiName;
  /** For what is known of the server. */
  readonly address: string;
  readonly apiVersion: string;
  readonly place: ApiPlace;
  /** Whether it lists models under the ids that routes name. */
  readonly hasCatalogue: boolean;
  /** False where replies come as a stream of another format. */
  readonly streams: boolean;
  /** Loads the SDK. `settings` are those that all clients share. */
  open(settings: Settings): Opened;
}

type Settings = Readonly<Record<string, unknown>>;

/** As CommonJS: its hundreds of small files take a quarter less time than as ES modules. */
const load = createRequire(import.meta.url);
const sdk = (): typeof import('@anthropic-ai/sdk') => load('@anthropic-ai/sdk');

/** Notes a missing key, variable or address with the reader. Throws `PROVIDER_PACKAGE` where a package has to be installed first. */
export function anthropicService(reader: RouteReader, env: Env): AnthropicService {
  const name = (reader.text('provider') ?? 'anthropic') as ModelApiName;
  if (name === 'bedrock') return bedrock(reader, env);
  if (name === 'vertex') return vertex(reader);
  const { url, messagesUrl, keyVariable, keyOptional, title } = modelApi(name);
  const isAnthropic = name === 'anthropic';
  const usual = messagesUrl ?? url;
  const key = keyOptional === true ? (reader.optionalKey(keyVariable) ?? 'none') : reader.apiKey(keyVariable);
  const given = isAnthropic
    ? reader.baseUrl('ANTHROPIC_BASE_URL')
    : reader.ownAddress(reader.route['base-url'], usual)?.replace(/\/v1\/?$/, '');
  const baseURL = given ?? usual ?? '';
  return {
    name,
    address: baseURL,
    apiVersion: versionOf(reader, name),
    hasCatalogue: true,
    streams: true,
    place: {
      url: baseURL === '' ? '' : reader.shownAddress(reader.route['base-url'], baseURL),
      keyVariable: reader.keyVariable(keyVariable),
      ...(isAnthropic
        ? {}
        : { ifMissing: `${title} did not find it; check \`model\`, \`base-url\` and \`api\`` }),
    },
    open(settings) {
      const { Anthropic: Client, APIError } = sdk();
      // Anthropic takes the key in a header of its own, the others as a bearer token.
      const auth = isAnthropic ? { apiKey: key } : { apiKey: null, authToken: key };
      return { client: new Client({ ...settings, ...auth, baseURL }), SdkError: APIError };
    },
  };
}

function versionOf(reader: RouteReader, name: ModelApiName): string {
  return reader.text('api-version') ?? messagesVersion(name);
}

function bedrock(reader: RouteReader, env: Env): AnthropicService {
  const { package: name = '', keyVariable } = modelApi('bedrock');
  const awsRegion = reader.requiredText('region');
  const key = reader.optionalKey(keyVariable) ?? null;
  const usual = `https://bedrock-runtime.${awsRegion}.amazonaws.com`;
  const baseURL = reader.ownAddress(reader.route['base-url'], usual) ?? usual;
  const entry = entryOf(name, reader);
  const [id, secret] = [env('AWS_ACCESS_KEY_ID'), env('AWS_SECRET_ACCESS_KEY')];
  const own = key === null && id && secret;
  return {
    name: 'bedrock',
    address: baseURL,
    apiVersion: versionOf(reader, 'bedrock'),
    hasCatalogue: false,
    streams: false,
    place: {
      url: reader.shownAddress(reader.route['base-url'], baseURL),
      keyVariable: key === null ? "the machine's AWS credentials" : reader.keyVariable(keyVariable),
      ifMissing: 'Bedrock did not find it; check `model` and `region`',
    },
    open(settings) {
      const { AnthropicBedrock: Client } = entry.load() as { AnthropicBedrock: CloudClient };
      const client = new Client({
        ...settings,
        baseURL,
        awsRegion,
        apiKey: key,
        ...(own
          ? { awsAccessKey: id, awsSecretKey: secret, awsSessionToken: env('AWS_SESSION_TOKEN') ?? null }
          : {}),
      });
      return { client, SdkError: entry.sdkError() };
    },
  };
}

function vertex(reader: RouteReader): AnthropicService {
  const { package: name = '' } = modelApi('vertex');
  const region = reader.requiredText('region');
  const projectId = reader.envText(reader.route['project'], 'project') ?? null;
  const token = reader.token();
  const given =
    reader.route['base-url'] === undefined ? undefined : reader.ownAddress(reader.route['base-url'], '');
  const entry = entryOf(name, reader);
  const shown =
    given === undefined ? `Vertex AI in ${region}` : reader.shownAddress(reader.route['base-url'], given);
  return {
    name: 'vertex',
    address: given ?? region,
    apiVersion: versionOf(reader, 'vertex'),
    hasCatalogue: false,
    streams: true,
    place: {
      url: shown,
      keyVariable: reader.tokenVariable() ?? "the machine's Google credentials",
      ifMissing: 'Vertex AI did not find it; check `model`, `region` and `project`',
    },
    open(settings) {
      const { AnthropicVertex: Client } = entry.load() as { AnthropicVertex: CloudClient };
      const client = new Client({
        ...settings,
        region,
        projectId,
        // The SDK would look for an address in the environment, and no snapshot would record it.
        baseURL: given ?? vertexUrl(region),
        authClient: token === undefined ? machineCredentials(entry) : tokenCredentials(token),
      });
      return { client, SdkError: entry.sdkError() };
    },
  };
}

function vertexUrl(region: string): string {
  if (region === 'global') return 'https://aiplatform.googleapis.com/v1';
  if (region === 'us' || region === 'eu') return `https://aiplatform.${region}.rep.googleapis.com/v1`;
  return `https://${region}-aiplatform.googleapis.com/v1`;
}

/** What the Vertex SDK asks of Google's library: the headers that sign a call. */
interface GoogleCredentials {
  getRequestHeaders(url?: string): Promise<Headers>;
  readonly projectId?: string | null | undefined;
}

function tokenCredentials(token: string): GoogleCredentials {
  return { getRequestHeaders: async () => new Headers({ authorization: `Bearer ${token}` }) };
}

/** Looked for with the first call. The SDK would look at once, and a machine without credentials would end the process. */
function machineCredentials(entry: Entry): GoogleCredentials {
  let found: Promise<GoogleCredentials> | undefined;
  const credentials = {
    projectId: undefined as string | null | undefined,
    async getRequestHeaders(url?: string): Promise<Headers> {
      const { GoogleAuth } = entry.beside('google-auth-library') as {
        GoogleAuth: new (options: object) => { getClient(): Promise<GoogleCredentials> };
      };
      found ??= new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' }).getClient();
      const client = await found.catch((cause: Error) => {
        throw Object.assign(new Error(cause.message), { name: 'NoCredentials' });
      });
      const headers = await client.getRequestHeaders(url);
      credentials.projectId = client.projectId;
      return headers;
    },
  };
  return credentials;
}

type CloudClient = new (options: Settings) => Opened['client'];

interface Entry {
  load(): unknown;
  /** A package that this one brings with it. */
  beside(name: string): unknown;
  /** Its SDK may be another copy than ours. */
  sdkError(): typeof ApiError;
}

/** Only from where lastgood is installed: the packages of a stranger's working folder are not run. */
function entryOf(name: string, reader: RouteReader): Entry {
  let file: string;
  try {
    file = load.resolve(name);
  } catch {
    throw new LastgoodError({
      code: 'PROVIDER_PACKAGE',
      message: `provider "${reader.text('provider')}" needs the package ${name}, which is not installed beside lastgood`,
      hint: `npm install ${name}@1 (with -g if lastgood was installed with -g)`,
      where: reader.where('provider'),
      exitCode: 4,
    });
  }
  const own = createRequire(file);
  return {
    load: () => load(file),
    beside: (other) => own(other),
    sdkError: () => (own('@anthropic-ai/sdk') as typeof import('@anthropic-ai/sdk')).APIError,
  };
}

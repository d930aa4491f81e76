// promptfoo's prompts: texts, files and chats, as the prompt layer of a release.

import { readDocument } from '../../base/document.ts';
import { LastgoodError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { slug } from '../parts/case-id.ts';
import { quoted } from '../parts/losses.ts';
import { toLiquid } from './nunjucks.ts';
import { contentName, filePathOf, readNamed, type Site } from './site.ts';

/** A prompt as a release has it. */
export interface MappedPrompt {
  readonly label: string;
  readonly id: string | undefined;
  /** The `messages` of the prompt layer. */
  readonly messages: readonly JsonObject[];
  readonly variables: readonly string[];
  readonly site: Site;
}

const KEYS = new Set(['id', 'raw', 'label', 'config', 'prompt', 'name']);
const TEXT_FILES = /\.(txt|md|j2|jinja|jinja2|tpl)$/i;

/** All prompts of a configuration. */
export function readPrompts(site: Site): MappedPrompt[] {
  const value = site.value;
  if (typeof value === 'string') return readPrompt(value, undefined, site);
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).flatMap((entry, i) => readEntry(entry, site.at(i)));
  if (isJsonObject(value))
    return Object.keys(value).flatMap((path) => {
      const label = value[path];
      return readPrompt(path, typeof label === 'string' ? { label } : undefined, site.at(path));
    });
  site.dropped('prompts', 'it is not a prompt, list or map');
  return [];
}

interface Named {
  readonly id?: string | undefined;
  readonly label?: string | undefined;
}

function readEntry(entry: JsonValue, site: Site): MappedPrompt[] {
  if (typeof entry === 'string') return readPrompt(entry, undefined, site);
  if (!isJsonObject(entry)) {
    site.dropped('prompt', 'it is neither text nor a map');
    return [];
  }
  site.keys(entry, KEYS, 'prompt ');
  if (entry['config'] !== undefined)
    site
      .at('config')
      .dropped('prompt key "config"', "settings of a prompt's own are not taken; use a release for it");
  const text = (key: string): string | undefined => {
    const value = entry[key];
    return typeof value === 'string' ? value : undefined;
  };
  const raw = text('raw') ?? text('prompt');
  const named = { id: text('id'), label: text('label') ?? text('name') };
  if (raw === undefined) {
    if (named.id !== undefined && isPath(named.id)) return readPrompt(named.id, named, site);
    site.dropped('prompt', 'it has no `raw` text');
    return [];
  }
  return readPrompt(raw, named, site);
}

function isPath(text: string): boolean {
  return (
    text.startsWith('file://') ||
    (!text.includes('\n') &&
      /^[\w./*\\-]+\.(txt|md|j2|json|jsonl|ya?ml|csv|py|[cm]?[jt]s|sh)(:\w+)?$/i.test(text))
  );
}

function readPrompt(raw: string, named: Named | undefined, site: Site): MappedPrompt[] {
  if (raw.startsWith('exec:')) {
    site.dropped(`prompt ${quoted(raw)}`, 'it is made by a program');
    return [];
  }
  if (/^(langfuse|portkey|helicone):\/\//.test(raw)) {
    site.dropped(`prompt ${quoted(raw)}`, 'it stands with a service; save its text in a file');
    return [];
  }
  if (!isPath(raw)) return one(raw, named?.label ?? named?.id ?? firstLine(raw), named, site);
  const path = filePathOf(raw) ?? raw;
  const files = /[*?[\]{}]/.test(path) ? site.reading.files.list(path) : [path];
  if (files.length === 0) site.dropped(`prompt ${quoted(raw)}`, 'no file matches');
  return files.flatMap((file) => readPromptFile(file, files.length === 1 ? named : undefined, site));
}

function readPromptFile(path: string, named: Named | undefined, site: Site): MappedPrompt[] {
  const what = `prompt ${quoted(path)}`;
  if (/\.(py|[cm]?[jt]s|sh|rb)(:\w+)?$/i.test(path)) {
    site.dropped(what, 'it is made by code');
    return [];
  }
  const file = readNamed(path, site, what);
  if (file === null) return [];
  const stem = (path.split(/[\\/]/).at(-1) ?? path).replace(/\.[^.]*$/, '');
  const label = named?.label ?? named?.id ?? stem;
  if (TEXT_FILES.test(path) || !/\.\w+$/.test(path)) {
    const texts = file.text
      .split(/^---\s*$/m)
      .map((t) => t.trim())
      .filter((t) => t !== '');
    return texts.flatMap((text, i) =>
      one(text, texts.length === 1 ? label : `${label}-${i + 1}`, named, site),
    );
  }
  if (/\.(json|ya?ml)$/i.test(path)) {
    if (/\.json$/i.test(path)) return one(file.text.trim(), label, named, site);
    try {
      const { value } = readDocument(file.text, file.file, 'IMPORT');
      return one(typeof value === 'string' ? value : JSON.stringify(value), label, named, site);
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      site.dropped(what, `the file cannot be read: ${error.message.split('\n')[0]}`);
      return [];
    }
  }
  if (/\.jsonl$/i.test(path)) {
    const lines = file.text.split('\n').filter((line) => line.trim() !== '');
    return lines.flatMap((line, i) =>
      one(line, lines.length === 1 ? label : `${label}-${i + 1}`, named, site),
    );
  }
  site.dropped(what, 'prompts are taken from text, Markdown, JSON, JSONL and YAML files');
  return [];
}

const ROLES = new Set(['system', 'developer', 'user', 'assistant']);

function one(raw: string, label: string, named: Named | undefined, site: Site): MappedPrompt[] {
  const what = `prompt ${quoted(label)}`;
  const chat = chatOf(raw);
  const list = chat ?? [{ role: 'user', content: raw }];
  const messages: JsonObject[] = [];
  const variables = new Set<string>();
  for (const message of list) {
    const content =
      typeof message['content'] === 'string' ? message['content'] : textParts(message['content']);
    const role = message['role'];
    if (typeof role !== 'string' || !ROLES.has(role) || content === null) {
      site.dropped(what, `a message of it is not text of a known role (${quoted(String(role))})`);
      return [];
    }
    for (const key of Object.keys(message))
      if (key !== 'role' && key !== 'content')
        site.dropped(`key ${quoted(key)} of a message in ${what}`, 'unknown key');
    const liquid = toLiquid(content);
    if (liquid.unsupported.length > 0) {
      site.dropped(what, `its template holds ${liquid.unsupported.join(', ')}, which Liquid has no equal of`);
      return [];
    }
    for (const part of liquid.approximated)
      site.approximated(`${part} in ${what}`, 'Liquid has a filter that differs in details');
    for (const name of liquid.variables) variables.add(name);
    messages.push({ role, content: liquid.text });
  }
  if (chat === null && looksLikeJson(raw)) {
    site.dropped(what, 'its JSON or YAML comes out of the template; write the messages in a release');
    return [];
  }
  site.mapped();
  return [{ label, id: named?.id, messages, variables: [...variables], site }];
}

/** The messages of a chat prompt, which is JSON or YAML text; null for plain text. */
function chatOf(raw: string): JsonObject[] | null {
  const trimmed = raw.trim();
  let value: JsonValue;
  try {
    if (trimmed.startsWith('[') || trimmed.startsWith('{'))
      value = readDocument(trimmed, 'prompt.json', 'IMPORT').value;
    else if (trimmed.startsWith('- role:')) value = readDocument(trimmed, 'prompt.yaml', 'IMPORT').value;
    else return null;
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return null;
  }
  if (isJsonObject(value) && Array.isArray(value['messages']))
    value = value['messages'] as readonly JsonValue[];
  if (!Array.isArray(value) || value.length === 0) return null;
  const list = value as readonly JsonValue[];
  return list.every((m) => isJsonObject(m) && m['role'] !== undefined) ? (list as JsonObject[]) : null;
}

function looksLikeJson(raw: string): boolean {
  return /^\s*- role:/.test(raw) || (/^\s*[[{]\s*["{[]/.test(raw) && /"role"\s*:/.test(raw));
}

/** The text of a list of text parts; null where a part is something else. */
function textParts(content: JsonValue | undefined): string | null {
  if (!Array.isArray(content)) return null;
  const texts = (content as readonly JsonValue[]).map((part) =>
    isJsonObject(part) && typeof part['text'] === 'string' ? part['text'] : null,
  );
  return texts.every((t) => t !== null) ? texts.join('') : null;
}

function firstLine(raw: string): string {
  const words = slug(raw.replace(/\{\{.*?\}\}/g, ' '), 24);
  return words === '' ? `prompt-${contentName(raw)}` : words;
}

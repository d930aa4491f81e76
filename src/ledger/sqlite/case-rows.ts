// Cases on their way into the ledger: hashed, packed and deflated without a database, so that one thread can pack while another writes.

import type { JsonObject } from '../../base/json.ts';
import type { Case } from '../../core/suite.ts';
import { packedBody } from '../model/case-body.ts';
import { type Places, placedGraders } from '../model/portable-paths.ts';
import { liftTexts, repeatedTexts } from '../model/share-long-texts.ts';
import { shortKeyOf } from './content.ts';
import { type TextContent, textContent } from './text-content.ts';

/** A case under the key of its version: equal cases have equal keys, wherever they stand. Keys are bytes as Latin-1 text. */
export interface KeyedCase {
  readonly key: string;
  readonly kept: KeptCase;
  /** JSON of what is kept; absent where the writing thread has packed the case already. */
  readonly text?: string;
}

type KeptCase = Omit<Case, 'where'>;

/** The same for another thread, for which a text costs least on its way. */
export interface UnpackedCase {
  readonly key: string;
  /** JSON of what is kept. */
  readonly text: string;
}

/** A case as its row says it. */
export interface PackedCase
  extends Pick<Case, 'id' | 'group' | 'critical' | 'trials' | 'minPassRate' | 'contentHash' | 'gradersHash'> {
  readonly key: string;
  /** JSON array. */
  readonly tags: string;
  /** The rest, without its long texts. */
  readonly shape: string;
  readonly texts: readonly TextContent[];
}

export function keyedCase(c: Case, places: Places): KeyedCase {
  const { where: _where, ...given } = c;
  const kept = { ...given, graders: placedGraders(given.graders, places.kept) };
  // Not the canonical form, which takes several times as long: should the same case ever come with its keys in another order, it
  // is merely stored twice.
  const text = JSON.stringify(kept);
  return { key: shortKeyOf(text).toString('latin1'), text, kept };
}

/** Packs cases that came as texts. */
export function packedTexts(cases: readonly UnpackedCase[]): PackedCase[] {
  return packedCases(cases.map(({ key, text }) => ({ key, kept: JSON.parse(text) as KeptCase })));
}

/** Packs cases of one chunk; texts of graders that come back in it are kept once. */
export function packedCases(cases: readonly Pick<KeyedCase, 'key' | 'kept'>[]): PackedCase[] {
  const repeated = repeatedTexts(
    cases.flatMap(({ kept }) => kept.graders.map(({ options }) => options as JsonObject)),
  );
  const contents = new Map<string, TextContent>();
  const contentOf = (text: string): TextContent => {
    let content = contents.get(text);
    if (content === undefined) {
      content = textContent(text);
      contents.set(text, content);
    }
    return content;
  };
  return cases.map(({ key, kept }) => {
    const { id, tags, group, critical, trials, minPassRate, contentHash, gradersHash, ...body } = kept;
    const { shape, texts } = liftTexts(packedBody(body), repeated);
    return {
      key,
      id,
      tags: JSON.stringify(tags),
      group,
      critical,
      trials,
      minPassRate,
      contentHash,
      gradersHash,
      shape,
      texts: texts.map(contentOf),
    };
  });
}

// The account of an import: every construct of the source is mapped, approximated (how) or dropped (why), with its place.

import type { LossReport } from '../../core/import-result.ts';
import type { Place } from './found.ts';

/** From then on further places of the same loss are counted with the last one that is listed. */
const MOST_PLACES = 50;
/** Different losses that are listed one by one; a hostile file could invent a new key on each line. */
const MOST_KINDS = 1000;

interface Counted {
  construct: string;
  reason: string;
  file: string;
  line: number | null;
  count: number;
}

class LossList {
  readonly list: Counted[] = [];
  readonly #byPlace = new Map<string, Counted>();
  readonly #byKind = new Map<string, { places: number; last: Counted }>();

  add(construct: string, reason: string, { file, line }: Place): void {
    const kind = JSON.stringify([construct, reason, file]);
    const place = `${kind}:${line}`;
    const known = this.#byPlace.get(place);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const before = this.#byKind.get(kind);
    if (before !== undefined && before.places >= MOST_PLACES) {
      before.last.count++;
      return;
    }
    if (before === undefined && this.#byKind.size >= MOST_KINDS) {
      const rest = this.list.at(-1);
      if (rest !== undefined && rest.construct === MORE) rest.count++;
      else this.list.push({ construct: MORE, reason, file, line, count: 1 });
      return;
    }
    const entry: Counted = { construct, reason, file, line, count: 1 };
    this.list.push(entry);
    this.#byPlace.set(place, entry);
    this.#byKind.set(kind, { places: (before?.places ?? 0) + 1, last: entry });
  }
}

const MORE = 'further constructs';

/** Collects the account while a source is read. */
export class Losses {
  #mapped = 0;
  readonly #approximated = new LossList();
  readonly #dropped = new LossList();

  mapped(count = 1): void {
    this.#mapped += count;
  }

  approximated(construct: string, how: string, place: Place): void {
    this.#approximated.add(short(construct), how, place);
  }

  dropped(construct: string, why: string, place: Place): void {
    this.#dropped.add(short(construct), why, place);
  }

  report(): LossReport {
    return { mapped: this.#mapped, approximated: this.#approximated.list, dropped: this.#dropped.list };
  }
}

/** A text of the source in quotes, clipped. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

// Finding a row or adding it, in the order that is likely to need one query.

/**
 * Finds a row or adds it. Which of the two is tried first is what worked the last time: a first run adds nearly every row, a night
 * that changed little finds them.
 */
export class Guess {
  #isNew = false;

  /** `add` gives nothing where the row is there already. */
  idOf(find: () => number | undefined, add: () => number | undefined): number {
    if (this.#isNew) {
      const added = add();
      if (added !== undefined) return added;
      this.#isNew = false;
      return found(find());
    }
    const known = find();
    if (known !== undefined) return known;
    this.#isNew = true;
    return found(add());
  }
}

function found(id: number | undefined): number {
  if (id === undefined) throw new Error('a row of the ledger was neither found nor added');
  return id;
}

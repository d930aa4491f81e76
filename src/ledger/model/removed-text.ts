// The text in the place of one that the ledger does not have any more.

/** What stands where a payload was removed by pruning or forgetting. */
export const REMOVED_TEXT = '[removed from the ledger]';

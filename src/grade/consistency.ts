// When a judge contradicts itself too often. Apart from calibration, which loads all of the statistics.

/** Share of pairs that turn with the order above which a pairwise judge is invalid. */
export const MOST_INCONSISTENT = 0.3;

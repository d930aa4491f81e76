// Plain aligned columns for terminals.

/** Rows of cells as lines; columns named in `right` are aligned to the right. Trailing spaces are cut. */
export function table(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  indent = '  ',
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  }
  return rows.map((row) =>
    (
      indent +
      row
        .map((cell, i) => {
          const gap = ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(cell)));
          return right.includes(i) ? gap + cell : cell + gap;
        })
        .join('  ')
    ).trimEnd(),
  );
}

/** Code points, colour codes not counted. */
function width(cell: string): number {
  return Array.from(cell.replace(/\u001b\[\d+m/g, '')).length;
}

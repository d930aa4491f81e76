// One table as a Parquet file, written row by row; only the rows of one row group are held.

import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { Cell, Column } from './table-columns.ts';

/** A row group ends with whichever comes first. */
const GROUP_ROWS = 20_000;
const GROUP_CHARACTERS = 16_000_000;

export class ParquetTable<Row> {
  private readonly columns: readonly Column<Row>[];
  private readonly writer: ParquetWriter;
  private cells: Cell[][];
  private characters = 0;

  /** `about`: what stands in the file beside the rows. Throws the system's error where the file cannot be made. */
  constructor(file: string, columns: readonly Column<Row>[], about: Readonly<Record<string, string>>) {
    this.columns = columns;
    this.cells = columns.map(() => []);
    this.writer = new ParquetWriter({
      writer: fileWriter(file),
      schema: schemaFromColumnData({
        columnData: columns.map(({ name, type, required }) => ({
          name,
          type,
          nullable: required !== true,
          data: [],
        })),
      }),
      kvMetadata: Object.entries(about).map(([key, value]) => ({ key, value })),
      createdBy: 'lastgood',
    });
  }

  async add(row: Row): Promise<void> {
    for (const [at, column] of this.columns.entries()) {
      const cell = column.of(row) ?? null;
      if (typeof cell === 'string') this.characters += cell.length;
      this.cells[at]?.push(cell);
    }
    const rows = this.cells[0]?.length ?? 0;
    if (rows >= GROUP_ROWS || this.characters >= GROUP_CHARACTERS) await this.writeGroup(rows);
  }

  /** Without it there is no readable file. */
  async finish(): Promise<void> {
    const rows = this.cells[0]?.length ?? 0;
    if (rows > 0) await this.writeGroup(rows);
    await this.writer.finish();
  }

  private async writeGroup(rows: number): Promise<void> {
    const columnData = this.columns.map(({ name }, at) => ({ name, data: this.cells[at] ?? [] }));
    await this.writer.write({ columnData, rowGroupSize: rows });
    this.cells = this.columns.map(() => []);
    this.characters = 0;
  }
}

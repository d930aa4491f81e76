// The tables that a copy of a ledger takes row by row, the same for every database.

/** A value of a row: what both databases give for it. Flags are 1 and 0. */
export type Value = number | string | Buffer | null;
export type Row = readonly Value[];

/** `text` was written by people or models, `json` and `word` by this program, `flag` is a boolean on PostgreSQL. */
type Kind = 'number' | 'flag' | 'text' | 'word' | 'json' | 'bytes';

export interface CopiedTable {
  readonly name: string;
  /** What the rows are in a report. */
  readonly what: string;
  /** Columns that identify a row, and in whose order rows are read. */
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, Kind>>;
  /** A column whose numbers PostgreSQL gives out. */
  readonly counter?: string;
}

const numbers = (names: string): Record<string, Kind> =>
  Object.fromEntries(names.split(' ').map((name) => [name, 'number' as const]));

/** Production answers, in an order in which each row finds what it refers to. They are copied as a whole, numbers included. */
export const PRODUCTION: readonly CopiedTable[] = [
  {
    ...{ name: 'dimension', what: 'names of production', key: ['id'], counter: 'id' },
    columns: { ...numbers('id feature'), kind: 'word', value: 'text' },
  },
  {
    ...{ name: 'observation', what: 'production observations', key: ['no'], counter: 'no' },
    columns: {
      ...{ no: 'number', key: 'bytes', id: 'text' },
      ...numbers(
        'at feature release variant template segment region model served system stop_reason action_mode',
      ),
      ...{ session: 'bytes', user: 'bytes', tags: 'json' },
      ...numbers(
        'failed length refusal schema_valid blocked latency_ms cost input_tokens output_tokens tool_calls',
      ),
    },
  },
  {
    ...{ name: 'observation_text', what: 'production texts', key: ['no'] },
    columns: { no: 'number', output: 'text', rest: 'json' },
  },
  {
    ...{ name: 'observation_vector', what: 'production vectors', key: ['no'] },
    columns: { ...numbers('no feature at'), vector: 'bytes' },
  },
  {
    ...{ name: 'outcome', what: 'production outcomes', key: ['key'] },
    columns: { key: 'bytes', at: 'number', body: 'json', final_text: 'text' },
  },
  {
    ...{ name: 'outcome_change', what: 'outcomes that changed', key: ['no'] },
    columns: { no: 'number', before: 'json' },
  },
  {
    ...{ name: 'observation_window', what: 'production windows' },
    key: ['feature', 'span', 'start', 'release', 'variant', 'template', 'segment'],
    columns: { ...numbers('feature span start release variant template segment'), counts: 'json' },
  },
];

/** The guard's log. It is only added to. */
export const GUARD: readonly CopiedTable[] = [
  {
    ...{ name: 'approval', what: 'approvals', key: ['at', 'id'] },
    columns: {
      ...{ id: 'word', at: 'number', feature: 'text', environment: 'text', agent: 'text', action: 'text' },
      ...{ key: 'text', impact: 'number', above: 'number' },
    },
  },
  {
    ...{ name: 'guard_decision', what: 'decisions of the guard', key: ['no'], counter: 'no' },
    columns: {
      ...{ no: 'number', at: 'number', feature: 'text', environment: 'text', agent: 'text', action: 'text' },
      ...{ key: 'text', impact: 'number', outcome: 'word', reason: 'text', approval: 'word' },
    },
  },
  {
    ...{ name: 'approval_answer', what: 'answers to approvals', key: ['approval'] },
    columns: { approval: 'word', granted: 'flag', by_whom: 'text', why: 'text', at: 'number' },
  },
  {
    ...{ name: 'guard_used', what: 'approvals that were used', key: ['approval'] },
    columns: { approval: 'word', decision: 'number' },
  },
  {
    ...{ name: 'guard_end', what: 'ended actions', key: ['decision'] },
    columns: { decision: 'number', succeeded: 'flag', at: 'number' },
  },
];

export const TOKENS: CopiedTable = {
  ...{ name: 'access_token', what: 'access tokens', key: ['name'] },
  columns: { name: 'text', role: 'word', sha256: 'bytes', created_at: 'word' },
};

/** Up to where production answers are counted, since when none may come again, and the salt of sessions and users. */
export interface ProductionState {
  readonly foldedTo: number;
  readonly horizon: number;
  readonly salt: Buffer;
}

/** Rows of a ledger, to be copied. */
export interface LedgerRows {
  /** The newest state for as long as the work takes, whoever writes meanwhile. */
  reading<T>(work: (rows: ReadRows) => Promise<T>): Promise<T>;
  /** All of the work or nothing. */
  writing<T>(work: (rows: WriteRows) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ReadRows {
  /** Rows after a key, in the order of keys; null = from the first. */
  page(table: CopiedTable, after: Row | null, most: number): Promise<Row[]>;
  /** Those of these keys that are there, in no order. */
  find(table: CopiedTable, keys: readonly Row[]): Promise<Row[]>;
  count(table: CopiedTable): Promise<number>;
  state(): Promise<ProductionState>;
}

export interface WriteRows extends ReadRows {
  /** Adds rows. `replace`: those of the same key are overwritten; else they stay. */
  put(table: CopiedTable, rows: readonly Row[], how: 'add' | 'replace'): Promise<void>;
  remove(table: CopiedTable, keys: readonly Row[]): Promise<void>;
  setState(state: ProductionState): Promise<void>;
}

/** The key of a row. */
export function keyOfRow({ columns, key }: CopiedTable, row: Row): Row {
  const names = Object.keys(columns);
  return key.map((name) => row[names.indexOf(name)] as Value);
}

/** A row, or a key, as text: equal rows have equal texts. */
export function rowText(row: Row): string {
  return JSON.stringify(row.map((value) => (Buffer.isBuffer(value) ? `x${value.toString('hex')}` : value)));
}

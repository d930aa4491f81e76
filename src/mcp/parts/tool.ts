// What a tool is: its schemas, and a function from checked arguments to a result.

import type { z } from 'zod';
import type { Progress, Rng, SecretMask } from '../../base/index.ts';
import type { ObservationStore, ShippingStore } from '../../core/index.ts';
import type { Settings } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { RunBudget } from './run-budget.ts';

export interface McpSession {
  readonly work: Workplace;
  readonly settings: Settings;
}

interface ProductionSession {
  readonly observations: ObservationStore;
  readonly shipping: Pick<ShippingStore, 'changes'> | undefined;
}

/** What the server needs from outside. */
export interface McpPlace {
  /** The project's folder. */
  readonly cwd: string;
  readonly version: string;
  readonly mask: SecretMask;
  readonly rng: Rng;
  /** Ends the server: calls in flight finish. */
  readonly signal: AbortSignal;
  /** Opens the ledger for one tool call and closes it after. */
  withWork<T>(
    needs: { readonly mustExist: boolean; readonly signal: AbortSignal },
    job: (session: McpSession) => Promise<T>,
  ): Promise<T>;
  /** The same with the production side of the ledger, its windows up to date. */
  withProduction<T>(
    signal: AbortSignal,
    job: (session: McpSession & ProductionSession) => Promise<T>,
  ): Promise<T>;
  /** Where an error goes that is a defect; never to the client with its stack. */
  defect(error: unknown): void;
}

export interface ToolContext {
  readonly place: McpPlace;
  /** The client cancelled this call, or left. */
  readonly signal: AbortSignal;
  /** What the client is sent while it waits. */
  readonly progress: Pick<Progress, 'step'>;
  /** null = this server may not run anything. */
  readonly budget: RunBudget | null;
}

/** `headline` is one sentence in our own words and numbers: no name, no text of the ledger. */
export interface ToolResult<Data> {
  readonly headline: string;
  readonly data: Data;
}

export interface Tool<In = never, Data = unknown> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodType<In>;
  /** Loose objects: a later version may add fields. */
  readonly output: z.ZodObject & z.ZodType<Data>;
  /** Calls models: needs `--allow-run`. */
  readonly runs?: true;
  call(input: In, context: ToolContext): Promise<ToolResult<Data>>;
}

/** A tool of which only the server's needs are known. */
export function defineTool<In, Data>(tool: Tool<In, Data>): Tool {
  return tool as unknown as Tool;
}

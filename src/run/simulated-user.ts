// A model that plays the user: its prompt, and how it ends its turn.

import type { Message, Persona, ProviderRequest, TrajectoryEntry, Turn } from '../core/index.ts';

/** A turn that a model plays. */
export type SimulatedTurn = Extract<Turn, { readonly simulate: Persona }>;

/** A message with this mark ends the simulated user's turn. */
export const USER_STOPS = '###STOP###';

const DUTY = `You play the user in a conversation with an assistant. Write only the user's next message, in the user's own words. When the user has what they came for, or gives up, write ${USER_STOPS} and nothing else.`;

const BEGIN = 'The conversation begins now. Write your first message.';

/** The conversation from the user's side: the release's answers are the persona's input, and the persona's texts its own output. Tools are left out. */
export function userRequest(
  persona: Persona,
  trajectory: readonly TrajectoryEntry[],
  about: Pick<ProviderRequest, 'caseId' | 'trial'>,
): ProviderRequest {
  const { prompt, params } = persona.layers;
  const said = trajectory.flatMap(({ role, content }): Message[] =>
    role === 'tool' || content === '' ? [] : [{ role: role === 'user' ? 'assistant' : 'user', content }],
  );
  return {
    ...about,
    messages: [
      { role: 'system', content: `${String(prompt?.['system'] ?? '').trim()}\n\n${DUTY}` },
      ...(said[0]?.role === 'user' ? [] : [{ role: 'user' as const, content: BEGIN }]),
      ...said,
    ],
    vars: {},
    params: params ?? {},
  };
}

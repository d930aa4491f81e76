// The simulator room: a loopback LLM service with scripted behaviour changes, for the demo, drills and wire tests.

export { parseScenario } from './parse-scenario.ts';
export type { FaultRuleInput, ScenarioInput } from './scenario.ts';

export { type Simulator, type SimulatorOptions, startSimulator } from './server.ts';

import type { Setting } from '../scenarios/scenario.ts'

/** How a command is begun: `npm run sim --` or `weir sim`. */
export type Caller = string

/** The command that repeats one run of a scenario. */
export function repeatScenario(
  caller: Caller,
  name: string,
  seed: number,
  { nodes, onPartition }: Partial<Setting>,
): string {
  const words = [caller, name, '--seed', seed]
  if (nodes !== undefined) words.push('--nodes', nodes)
  if (onPartition !== undefined) words.push('--policy', onPartition)
  return words.join(' ')
}

export function repeatSwarm(caller: Caller, seed: number, nodes: number | undefined): string {
  const words = [caller, 'swarm', '--seed', seed, '--seeds', 1]
  if (nodes !== undefined) words.push('--nodes', nodes)
  return words.join(' ')
}

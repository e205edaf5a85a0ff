import type { CompareOptions, PhaseLengths } from './options.ts'

export type PhaseName = keyof PhaseLengths

/** Milliseconds from the start of the workload; the end is not part of it. */
export interface Phase {
  readonly name: PhaseName
  readonly fromMs: number
  readonly toMs: number
}

/**
 * The same story for every architecture: all is well, then one part is gone, then it is back, then the servers are
 * cut into two sides, then they are not. What is gone is the part on which most depends: the store, the top of the
 * hierarchy, or the server `VICTIM` where all are alike (in Weir: the owner of the hot key). Everything of which
 * there is only one stands on the larger side of the split.
 */
export function timeline({ phasesMs }: CompareOptions): readonly Phase[] {
  const phases: Phase[] = []
  let fromMs = 0
  for (const name of PHASES) {
    const toMs = fromMs + phasesMs[name]
    phases.push({ name, fromMs, toMs })
    fromMs = toMs
  }
  return phases
}

const PHASES: readonly PhaseName[] = ['healthy', 'outage', 'recovered', 'split', 'healed']

/** The server that goes down where there is no single part that matters more. */
export const VICTIM = 0

export function phaseNamed(phases: readonly Phase[], name: PhaseName): Phase {
  const phase = phases.find((candidate) => candidate.name === name)
  if (phase === undefined) throw new Error(`there is no phase ${name}`)
  return phase
}

/** Which side of the split a server is on: 0 the larger one, 1 the smaller one. */
export function sideOf(node: number, nodes: number): Side {
  return node <= Math.floor(nodes / 2) ? 0 : 1
}

export type Side = 0 | 1

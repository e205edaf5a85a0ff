import type { NodeId } from '../../crdt/node-id.ts'
import { type Experiment, nodesOf } from '../experiment.ts'
import type { Fault } from '../fault.ts'

/**
 * A fault and how long it lasts: while it does, and for a while after, nodes know less of each other than they
 * should. Virtual ms since the cluster was ready.
 */
export interface Spell {
  readonly fault: Fault
  readonly fromMs: number
  readonly untilMs: number
  /** Who is out of somebody's reach. */
  readonly nodes: readonly NodeId[]
}

/** The spells of an experiment, in the order of its faults; what mends something begins none. */
export function spellsOf(experiment: Experiment): Spell[] {
  return experiment.faults.flatMap((fault) => spellOf(fault, experiment) ?? [])
}

function spellOf(fault: Fault, experiment: Experiment): Spell | undefined {
  const fromMs = fault.atMs
  const until = (ends: (other: Fault) => boolean): number => {
    const end = experiment.faults.find((other) => other.atMs > fromMs && ends(other))
    return end?.atMs ?? experiment.safetyMs
  }
  const spell = (nodes: readonly NodeId[], untilMs: number) => ({ fault, fromMs, untilMs, nodes })
  switch (fault.type) {
    case 'kill':
    case 'power-off':
    case 'leave':
    case 'ambush':
    case 'lie': {
      const { node } = fault
      return spell(
        [node],
        until((other) => other.type === 'start' && other.node === node),
      )
    }
    case 'start':
      return spell([fault.node], fromMs)
    case 'pause':
    case 'slow':
      return spell([fault.node], fromMs + fault.forMs)
    case 'split':
      return spell(nodesOf(experiment), until(isHeal))
    case 'cut':
      return spell([fault.a, fault.b], until(isHeal))
    case 'cut-one-way':
      return spell([fault.from, fault.to], until(isHeal))
    case 'clog':
      return spell([fault.from, fault.to], fromMs + fault.forMs)
    case 'heal':
    case 'clock-step':
    case 'disk-hang':
    case 'disk-loss':
    case 'reload':
      return undefined
  }
}

function isHeal({ type }: Fault): boolean {
  return type === 'heal'
}

/** Whether two spells touch, or leave no more than `graceMs` between them. */
export function overlaps(a: Spell, b: Spell, graceMs: number): boolean {
  return a.fromMs <= b.untilMs + graceMs && b.fromMs <= a.untilMs + graceMs
}

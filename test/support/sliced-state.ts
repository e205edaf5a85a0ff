import fc from 'fast-check'
import type { Lattice } from '../../crdt/lattice.ts'
import { SlicedCounters, type Slicing } from '../../crdt/sliced-counter.ts'

/**
 * One key's counts as a lattice: the production slab with one ring for each of a few actors.
 *
 * The ring is short and no divisor of 2^32, so that a handful of operations goes around it, and a history
 * that runs past a multiple of 2^32 shows every confusion of a slice with its lowest 32 bits.
 */
export const ACTORS = 3
export const SLICING: Slicing = { sliceMs: 50, slices: 5 }

/** Histories stay within this many slices of where they start, to both sides. */
export const REACH = 2 * SLICING.slices

/** Where histories start: in the present, and where the stored 32 bits of the head wrap around. */
export const STARTS: readonly number[] = [35_280_002_469, 2 ** 32, 9 * 2 ** 32 + 2]

export interface SlicedState {
  readonly counters: SlicedCounters
}

export class SlicedLattice implements Lattice<SlicedState> {
  readonly #start: number

  constructor(start: number) {
    this.#start = start
  }

  bottom(): SlicedState {
    return { counters: new SlicedCounters(SLICING, ACTORS) }
  }

  merge(a: SlicedState, b: SlicedState): SlicedState {
    const merged = this.bottom()
    for (const state of [a, b]) {
      for (const { actor, slice, count } of entries(state, this.#start)) {
        merged.counters.raise(actor, slice, count)
      }
    }
    return merged
  }

  equals(a: SlicedState, b: SlicedState): boolean {
    return (
      JSON.stringify(entries(a, this.#start)) === JSON.stringify(entries(b, this.#start)) &&
      heads(a, this.#start).join() === heads(b, this.#start).join()
    )
  }
}

export interface SlicedEntry {
  readonly actor: number
  readonly slice: number
  readonly count: number
}

/** Everything a state says, oldest slice first. */
export function entries(state: SlicedState, start: number): SlicedEntry[] {
  const found: SlicedEntry[] = []
  for (let actor = 0; actor < ACTORS; actor++) {
    for (let slice = start - REACH; slice <= start + REACH; slice++) {
      const count = state.counters.count(actor, slice)
      if (count > 0) found.push({ actor, slice, count })
    }
  }
  return found
}

function heads(state: SlicedState, start: number): number[] {
  const actors = Array.from({ length: ACTORS }, (_, actor) => actor)
  return actors
    .filter((actor) => state.counters.isLive(actor, start - REACH))
    .map((actor) => state.counters.newest(actor, start))
}

type Step = readonly ['admit', number, number, number] | readonly ['hear', number, number]

/**
 * What one of several replicas can come to hold. Each admits under its own actor at the slice its clock
 * shows, and hears one entry of another's state at a time: lost, late, doubled and out of order.
 */
export function slicedStates(start: number): fc.Arbitrary<SlicedState> {
  const actor = fc.nat(ACTORS - 1)
  const admit = fc.tuple(
    fc.constant('admit' as const),
    actor,
    fc.integer({ min: -REACH, max: REACH }),
    fc.integer({ min: 1, max: 4 }),
  )
  const hear = fc.tuple(fc.constant('hear' as const), actor, fc.nat(99))
  const step: fc.Arbitrary<Step> = fc.oneof(admit, hear)
  return fc.array(step, { maxLength: 30 }).map((steps) => play(steps, start))
}

function play(steps: readonly Step[], start: number): SlicedState {
  const lattice = new SlicedLattice(start)
  const replicas = Array.from({ length: ACTORS }, () => lattice.bottom())
  for (const step of steps) {
    const [kind, at] = step
    const self = replicas[at] as SlicedState
    if (kind === 'admit') self.counters.add(at, start + step[2], step[3])
    else {
      const heard = entries(replicas[(at + 1) % ACTORS] as SlicedState, start)
      const entry = heard[step[2] % Math.max(1, heard.length)]
      if (entry !== undefined) self.counters.raise(entry.actor, entry.slice, entry.count)
    }
  }
  return replicas[0] as SlicedState
}

import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { Lattice } from '../../crdt/lattice.ts'

/** The laws of `crdt/lattice.ts`, and that a merge is above both of its arguments. */
export type LatticeLaw = 'commutative' | 'associative' | 'idempotent' | 'bottom' | 'inflation'

/** Whether a law holds for three states. */
type Check = <State>(lattice: Lattice<State>, a: State, b: State, c: State) => boolean

const LAWS: Record<LatticeLaw, Check> = {
  commutative: (of, a, b) => of.equals(of.merge(a, b), of.merge(b, a)),
  associative: (of, a, b, c) => of.equals(of.merge(a, of.merge(b, c)), of.merge(of.merge(a, b), c)),
  idempotent: (of, a) => of.equals(of.merge(a, a), a),
  bottom: (of, a) =>
    of.equals(of.merge(of.bottom(), a), a) && of.equals(of.merge(a, of.bottom()), a),
  inflation: (of, a, b) => {
    const join = of.merge(a, b)
    return of.equals(of.merge(a, join), join) && of.equals(of.merge(b, join), join)
  },
}

const NAMES = Object.keys(LAWS) as LatticeLaw[]

/**
 * Declares one test for each law. `states` has to give states that can be reached: built from the bottom
 * by what several actors do, not put together from parts.
 */
export function latticeLaws<State>(
  name: string,
  lattice: Lattice<State>,
  states: fc.Arbitrary<State>,
): void {
  describe(`${name}: merge`, () => {
    it.each(NAMES)('obeys the law: %s', (law) => {
      fc.assert(lawProperty(law, lattice, states), { numRuns: 500 })
    })
  })
}

/** The laws that some states break. The same every time, for tests of this suite itself. */
export function brokenLaws<State>(
  lattice: Lattice<State>,
  states: fc.Arbitrary<State>,
): LatticeLaw[] {
  return NAMES.filter(
    (law) => fc.check(lawProperty(law, lattice, states), { numRuns: 500, seed: 1 }).failed,
  )
}

function lawProperty<State>(
  law: LatticeLaw,
  lattice: Lattice<State>,
  states: fc.Arbitrary<State>,
): fc.IProperty<[State, State, State]> {
  return fc.property(states, states, states, (a, b, c) => LAWS[law](lattice, a, b, c))
}

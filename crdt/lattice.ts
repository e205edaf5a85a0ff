/**
 * A join semilattice: states that can only be merged upwards.
 *
 * The laws every implementation keeps, and one property suite checks for all of them
 * (`test/support/lattice-laws.ts`):
 *
 * - commutative  `merge(a, b)` equals `merge(b, a)`
 * - associative  `merge(a, merge(b, c))` equals `merge(merge(a, b), c)`
 * - idempotent   `merge(a, a)` equals `a`
 * - bottom       `merge(bottom(), a)` equals `a`
 *
 * Together they say that loss, duplication and reordering of updates can delay agreement, never prevent
 * or corrupt it. Source: Shapiro, Preguiça, Baquero, Zawirski, "Conflict-free Replicated Data Types", 2011.
 */
export interface Lattice<State> {
  /** The least state: what a replica knows before it has heard anything. */
  bottom(): State
  /** The least upper bound of both states. Neither argument is changed. */
  merge(a: State, b: State): State
  equals(a: State, b: State): boolean
}

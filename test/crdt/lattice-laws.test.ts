import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HybridLogicalClock } from '../../crdt/hybrid-logical-clock.ts'
import { type LwwMap, LwwMapLattice } from '../../crdt/lww-map.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { brokenLaws, latticeLaws } from '../support/lattice-laws.ts'
import {
  entries,
  SlicedLattice,
  type SlicedState,
  STARTS,
  slicedStates,
} from '../support/sliced-state.ts'

const NODES = ['a', 'b', 'c'] as NodeId[]
const KEYS = ['x', 'y', '', '__proto__', 'constructor', 'valueOf']

const lwwMaps = new LwwMapLattice<number>((a, b) => a - b)

/** Three nodes set and delete keys by their own clocks and hear each other's maps; the state of one. */
const lwwStates: fc.Arbitrary<LwwMap<number>> = fc
  .array(
    fc.record({
      at: fc.nat(NODES.length - 1),
      kind: fc.constantFrom('set', 'delete', 'hear'),
      key: fc.constantFrom(...KEYS),
      value: fc.nat(3),
      nowMs: fc.nat(5),
    }),
    { maxLength: 20 },
  )
  .map((steps) => {
    const clocks = NODES.map(() => new HybridLogicalClock(10))
    const maps = NODES.map(() => lwwMaps.bottom())
    for (const { at, kind, key, value, nowMs } of steps) {
      const map = maps[at] as LwwMap<number>
      const clock = clocks[at] as HybridLogicalClock
      if (kind === 'hear') {
        const heard = maps[(at + 1) % NODES.length] as LwwMap<number>
        for (const write of heard.values()) clock.receive(write.stamp.timestamp, nowMs)
        maps[at] = lwwMaps.merge(map, heard)
        continue
      }
      const stamp = { timestamp: clock.tick(nowMs), node: NODES[at] as NodeId }
      maps[at] =
        kind === 'set' ? lwwMaps.set(map, key, value, stamp) : lwwMaps.delete(map, key, stamp)
    }
    return maps[0] as LwwMap<number>
  })

latticeLaws('last-writer-wins maps', lwwMaps, lwwStates)

describe.each(STARTS)('around slice %d', (start) => {
  latticeLaws('sliced counters', new SlicedLattice(start), slicedStates(start))
})

describe('the lattice laws', () => {
  const start = STARTS[0] as number

  it('catch a merge that adds counts up instead of taking the larger', () => {
    class Summing extends SlicedLattice {
      override merge(a: SlicedState, b: SlicedState): SlicedState {
        const merged = this.bottom()
        for (const state of [a, b]) {
          for (const { actor, slice, count } of entries(state, start)) {
            merged.counters.add(actor, slice, count)
          }
        }
        return merged
      }
    }
    const broken = brokenLaws(new Summing(start), slicedStates(start))
    expect(broken).toContain('idempotent')
    expect(broken).toContain('inflation')
  })

  it('catch a merge in which the last to arrive wins', () => {
    class Arriving extends LwwMapLattice<number> {
      override merge(a: LwwMap<number>, b: LwwMap<number>): LwwMap<number> {
        return new Map([...a, ...b])
      }
    }
    const broken = brokenLaws(new Arriving((a, b) => a - b), lwwStates)
    expect(broken).toContain('commutative')
  })

  it('catch a map that forgets its deletions', () => {
    class Forgetting extends LwwMapLattice<number> {
      override merge(a: LwwMap<number>, b: LwwMap<number>): LwwMap<number> {
        return new Map([...super.merge(a, b)].filter(([, write]) => write.type === 'set'))
      }
    }
    const broken = brokenLaws(new Forgetting((a, b) => a - b), lwwStates)
    expect(broken).toContain('associative')
  })

  it('catch a bottom that is not the least state', () => {
    class Bottomless extends SlicedLattice {
      override bottom(): SlicedState {
        const state = super.bottom()
        state.counters.add(0, start, 1)
        return state
      }
    }
    expect(brokenLaws(new Bottomless(start), slicedStates(start))).toContain('bottom')
  })

  it('find nothing wrong with the lattices they were made for', () => {
    expect(brokenLaws(new SlicedLattice(start), slicedStates(start))).toEqual([])
    expect(brokenLaws(lwwMaps, lwwStates)).toEqual([])
  })
})

import { compareTimestamps, type HybridTimestamp } from './hybrid-logical-clock.ts'
import type { Lattice } from './lattice.ts'
import { compareNodeIds, type NodeId } from './node-id.ts'

/**
 * A map in which the last writer of each key wins.
 *
 * What is kept for a key is the latest write to it, and a deletion is a write like any other: it stays as
 * a tombstone, or an older write that arrives late would bring the key back. Last is decided by the hybrid
 * timestamp, then by the node: an order everybody computes alike. Source: Shapiro et al., "A comprehensive
 * study of Convergent and Commutative Replicated Data Types", 2011, section 3.2.
 */
export type LwwMap<Value> = ReadonlyMap<string, Write<Value>>

export type Write<Value> = SetWrite<Value> | DeleteWrite

export interface SetWrite<Value> {
  readonly type: 'set'
  readonly stamp: Stamp
  readonly value: Value
}

export interface DeleteWrite {
  readonly type: 'delete'
  readonly stamp: Stamp
}

/** Names one write: a node's clock never gives the same timestamp twice. */
export interface Stamp {
  readonly timestamp: HybridTimestamp
  readonly node: NodeId
}

export function compareStamps(a: Stamp, b: Stamp): number {
  return compareTimestamps(a.timestamp, b.timestamp) || compareNodeIds(a.node, b.node)
}

/** The value of a key, or undefined when it was never set or is deleted. */
export function lwwGet<Value>(map: LwwMap<Value>, key: string): Value | undefined {
  const write = map.get(key)
  return write?.type === 'set' ? write.value : undefined
}

/** The keys that are set, with their values, in code unit order of the keys: equal maps, equal lists. */
export function lwwEntries<Value>(map: LwwMap<Value>): [string, Value][] {
  const entries: [string, Value][] = []
  for (const [key, write] of map) if (write.type === 'set') entries.push([key, write.value])
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

/**
 * How maps of one kind of value are changed and merged. States are never changed in place; a single write
 * is itself a state, so that to replicate one is to merge it.
 */
export class LwwMapLattice<Value> implements Lattice<LwwMap<Value>> {
  readonly #compareValues: (a: Value, b: Value) => number

  /**
   * `compareValues` is any total order in which 0 means "the same value". It decides between two values
   * under one stamp, which only a faulty node writes: even then replicas agree.
   */
  constructor(compareValues: (a: Value, b: Value) => number) {
    this.#compareValues = compareValues
  }

  bottom(): LwwMap<Value> {
    return new Map()
  }

  set(map: LwwMap<Value>, key: string, value: Value, stamp: Stamp): LwwMap<Value> {
    return this.merge(map, new Map([[key, { type: 'set', stamp, value }]]))
  }

  delete(map: LwwMap<Value>, key: string, stamp: Stamp): LwwMap<Value> {
    return this.merge(map, new Map([[key, { type: 'delete', stamp }]]))
  }

  merge(a: LwwMap<Value>, b: LwwMap<Value>): LwwMap<Value> {
    const merged = new Map(a)
    for (const [key, write] of b) {
      const held = merged.get(key)
      if (held === undefined || this.#compare(write, held) > 0) merged.set(key, write)
    }
    return merged
  }

  equals(a: LwwMap<Value>, b: LwwMap<Value>): boolean {
    if (a.size !== b.size) return false
    for (const [key, write] of a) {
      const other = b.get(key)
      if (other === undefined || this.#compare(write, other) !== 0) return false
    }
    return true
  }

  #compare(a: Write<Value>, b: Write<Value>): number {
    const order = compareStamps(a.stamp, b.stamp)
    if (order !== 0) return order
    if (a.type === 'delete') return b.type === 'delete' ? 0 : 1
    return b.type === 'delete' ? -1 : this.#compareValues(a.value, b.value)
  }
}

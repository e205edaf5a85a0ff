import type { NodeId } from '../crdt/node-id.ts'
import {
  WEIGHT_EQUAL_PARTS,
  WEIGHT_FLOOR_PARTS,
  WEIGHT_STEP_PARTS,
  WEIGHTED_MEMBERS_MAX,
} from './limits.ts'
import { memberMark } from './placement.ts'

/**
 * How many parts each member weighs in a split, by what was asked of it lately. Of N members, d_i the demand at
 * each and one more, so that nobody has none:
 *
 *     parts_i = floor + (equal - floor) · N · d_i / Σ d        floor = a fifth of an equal share
 *
 * A member that the table does not name weighs an equal share; so the table that names nobody is that of
 * equal weights. A table never changes: other weights are another one, of a later version.
 */
export interface WeightTable {
  readonly version: number
  /** In order of id. */
  readonly members: readonly NodeId[]
  /** Of each of them. */
  readonly parts: readonly number[]
}

/** Names a table by what it says, so that two proposed at once under one version are told apart. */
export interface TableId {
  readonly version: number
  readonly digest: number
}

/** What every node holds when its life begins. */
export const EQUAL_WEIGHTS: WeightTable = { version: 0, members: [], parts: [] }

/** Of more members than a table may name, all weigh the same. */
export function weightsByDemand(
  version: number,
  demands: ReadonlyMap<NodeId, number>,
): WeightTable {
  const count = demands.size
  const asked = [...demands.values()].reduce((sum, demand) => sum + demand, 0)
  if (asked === 0 || count > WEIGHTED_MEMBERS_MAX) return { ...EQUAL_WEIGHTS, version }
  const members = [...demands.keys()].sort()
  const shared = (WEIGHT_EQUAL_PARTS - WEIGHT_FLOOR_PARTS) * count
  const parts = members.map((id) => {
    const demand = (demands.get(id) as number) + 1
    return WEIGHT_FLOOR_PARTS + Math.floor((shared * demand) / (asked + count))
  })
  return { version, members, parts }
}

/** Whether a table is one that demand can make: nobody below the floor, all together no more than equal shares. */
export function isSound({ members, parts }: WeightTable): boolean {
  const sum = parts.reduce((all, one) => all + one, 0)
  return (
    parts.length === members.length &&
    parts.every((one) => one >= WEIGHT_FLOOR_PARTS) &&
    sum <= members.length * WEIGHT_EQUAL_PARTS &&
    members.every((id, at) => at === 0 || (members[at - 1] as NodeId) < id)
  )
}

/** A table as it is asked for weights. */
export class HeldTable implements TableId {
  readonly table: WeightTable
  readonly version: number
  readonly digest: number
  readonly #parts: ReadonlyMap<NodeId, number>

  constructor(table: WeightTable) {
    const { version, members, parts } = table
    this.table = table
    this.version = version
    this.#parts = new Map(members.map((id, at) => [id, parts[at] as number]))
    this.digest = members.reduce((sum, id, at) => {
      return (sum + memberMark(`${id} ${parts[at]}` as NodeId)) >>> 0
    }, 0)
  }

  partsOf(id: NodeId): number {
    return this.#parts.get(id) ?? WEIGHT_EQUAL_PARTS
  }

  weigh(ids: Iterable<NodeId>): number {
    let parts = 0
    for (const id of ids) parts += this.partsOf(id)
    return parts
  }

  /** Whether another table gives one of these members so much more or less that it is worth agreeing on. */
  differs(other: HeldTable, ids: Iterable<NodeId>): boolean {
    for (const id of ids) {
      if (Math.abs(this.partsOf(id) - other.partsOf(id)) >= WEIGHT_STEP_PARTS) return true
    }
    return false
  }
}

/** The order in which tables follow each other, the same for everybody. */
export function compareTables(a: TableId, b: TableId): number {
  return a.version - b.version || a.digest - b.digest
}

import type { NodeId } from '../crdt/node-id.ts'
import { type FrameReader, Malformed } from './frame-reader.ts'
import { NODE_ID_BYTES_MAX, WEIGHT_TABLES_MAX, WEIGHTED_MEMBERS_MAX } from './limits.ts'
import type { WeightReport } from './message.ts'
import { isSound, type WeightTable } from './weight-table.ts'

/** What `wire.ts` says and reads of weights by demand. */

export function fromReport({ demand, held }: WeightReport): unknown[] {
  return [demand, held.flatMap(({ version, digest }) => [version, digest])]
}

export function toReport(item: FrameReader): WeightReport {
  const demand = item.word()
  const held = item.tuples(WEIGHT_TABLES_MAX, (id) => ({ version: id.word(), digest: id.word() }))
  return { demand, held }
}

export function fromTable({ version, members, parts }: WeightTable): unknown[] {
  return [version, members, parts]
}

/** Checks the table as a whole: who asks it for weights later may trust its floor. */
export function toTable(item: FrameReader): WeightTable {
  const version = item.word()
  const members = item.texts(WEIGHTED_MEMBERS_MAX, NODE_ID_BYTES_MAX) as NodeId[]
  const table = { version, members, parts: item.words(WEIGHTED_MEMBERS_MAX) }
  if (!isSound(table)) throw new Malformed()
  return table
}

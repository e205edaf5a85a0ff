import type { Actor, NodeId } from '../crdt/node-id.ts'
import { MEMBERS_MAX } from './limits.ts'
import type { MemberRecord } from './message.ts'

/**
 * What frames name again and again, held once. A cluster says the same of its members over and over, and every
 * frame that is read makes new strings of it. One string instead of many equal ones takes less memory, and is
 * found in a map by what it is, without reading it. Nothing depends on what is remembered here.
 */

/** Of each node, the record that was read last. Nobody changes a record, so all may hold the same one. */
const records = new Map<NodeId, MemberRecord>()
/** Of each node, the life that was read last. */
const actors = new Map<NodeId, Actor>()

/** The record as it was read before, if it says nothing new. */
export function internedRecord(record: MemberRecord): MemberRecord {
  const known = records.get(record.id)
  if (known !== undefined && isSame(known, record)) return known
  const fresh = known === undefined ? record : { ...record, id: known.id }
  remember(records, fresh.id, fresh)
  return fresh
}

/** The actor as it was read before, if it was. */
export function internedActor(node: NodeId, incarnation: number): Actor {
  const known = actors.get(node)
  if (known?.incarnation === incarnation) return known
  const fresh = { node: known?.node ?? records.get(node)?.id ?? node, incarnation }
  remember(actors, fresh.node, fresh)
  return fresh
}

function remember<Value>(values: Map<NodeId, Value>, node: NodeId, value: Value): void {
  if (values.size >= MEMBERS_MAX && !values.has(node)) values.clear()
  values.set(node, value)
}

function isSame(a: MemberRecord, b: MemberRecord): boolean {
  return (
    a.state === b.state &&
    a.incarnation === b.incarnation &&
    a.refutation === b.refutation &&
    a.name === b.name &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, index) => address === b.addresses[index])
  )
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { REFUSAL_DOUBT_MS, UNREACHED_GRACE_MS } from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import { MEMBER_STATES, type MemberRecord, type MemberState } from '../../cluster/message.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const GOSSIP_MS = 500
const START_MS = 1_000_000
const SELF = 'n0' as NodeId
const OTHERS = ['n1', 'n2', 'n3'] as NodeId[]

function recordOf(id: NodeId, state: MemberState, refutation: number): MemberRecord {
  return { id, name: id, incarnation: 1, refutation, state, addresses: [] }
}

/** What is known of a member beside its record. */
interface Ties {
  linked: boolean
  everLinked: boolean
  unlinkedSinceMs: number
  provenDead: boolean
}

/** A table, and what can be told from outside of each member's ties, worked out the long way. */
class Watched {
  readonly table = new Membership(recordOf(SELF, 'active', 0), GOSSIP_MS, START_MS)
  readonly #ties = new Map<NodeId, Ties>()
  readonly #links = new Set<NodeId>()

  merge(record: MemberRecord, nowMs: number): void {
    const before = this.table.record(record.id)
    if (!this.table.merge(record, nowMs)) return
    const ties = this.#ties.get(record.id)
    const linked = this.#links.has(record.id)
    if (ties === undefined) {
      const fresh = { linked, everLinked: linked, unlinkedSinceMs: nowMs, provenDead: false }
      this.#ties.set(record.id, fresh)
    } else if (record.refutation > (before?.refutation ?? 0)) ties.provenDead = false
  }

  link(id: NodeId, nowMs: number): void {
    this.table.linked(id, nowMs)
    this.#links.add(id)
    const ties = this.#ties.get(id)
    if (ties !== undefined)
      Object.assign(ties, { linked: true, everLinked: true, provenDead: false })
  }

  unlink(id: NodeId, nowMs: number): void {
    this.table.unlinked(id, nowMs)
    this.#links.delete(id)
    const ties = this.#ties.get(id)
    if (ties !== undefined) Object.assign(ties, { linked: false, unlinkedSinceMs: nowMs })
  }

  refuse(id: NodeId, nowMs: number): void {
    const ties = this.#ties.get(id)
    const state = this.table.record(id)?.state
    const heardMs = this.table.heardAtMs(id) ?? 0
    this.table.refused(id, nowMs)
    if (ties === undefined || ties.linked || state === 'left') return
    if (heardMs <= ties.unlinkedSinceMs + REFUSAL_DOUBT_MS) ties.provenDead = true
  }

  mayBeAlive(): NodeId[] {
    const alive = [...this.#ties].filter(([id, { provenDead }]) => {
      const state = this.table.record(id)?.state
      return !provenDead && state !== 'joining' && state !== 'left'
    })
    return [SELF, ...alive.map(([id]) => id)]
  }

  outOfReach(nowMs: number): NodeId[] {
    return this.mayBeAlive().filter((id) => {
      const ties = this.#ties.get(id)
      if (ties === undefined) return false
      if (ties.linked) return this.table.record(id)?.state !== 'active'
      return ties.everLinked || nowMs - ties.unlinkedSinceMs >= UNREACHED_GRACE_MS
    })
  }
}

const steps = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 10, 300, 1_000, 2_000),
    id: fc.constantFrom(...OTHERS),
    what: fc.constantFrom('merge', 'link', 'unlink', 'refuse', 'hear', 'tick'),
    state: fc.constantFrom(...MEMBER_STATES),
    refutation: fc.nat(3),
  }),
  { maxLength: 40 },
)

test('who may be alive and who is out of reach is at every moment what their ties say', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const watched = new Watched()
      let nowMs = START_MS
      for (const { afterMs, id, what, state, refutation } of list) {
        nowMs += afterMs
        if (what === 'merge') watched.merge(recordOf(id, state, refutation), nowMs)
        else if (what === 'link') watched.link(id, nowMs)
        else if (what === 'unlink') watched.unlink(id, nowMs)
        else if (what === 'refuse') watched.refuse(id, nowMs)
        else if (what === 'hear') watched.table.heard(id, nowMs)
        else watched.table.tick(nowMs)
        expect(new Set(watched.table.mayBeAlive())).toEqual(new Set(watched.mayBeAlive()))
        const outOfReach = watched.table.outOfReach(nowMs)
        expect(new Set(outOfReach.keys())).toEqual(new Set(watched.outOfReach(nowMs)))
        for (const sinceMs of outOfReach.values()) expect(sinceMs).toBeLessThanOrEqual(nowMs)
      }
    }),
  )
})

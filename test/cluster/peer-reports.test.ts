import { describe, expect, it } from 'vitest'
import type { Message } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { PeerReports } from '../../cluster/peer-reports.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const [n2, n3] = ['n2', 'n3'] as NodeId[] as [NodeId, NodeId]
const SETTINGS = { rules: 'abc', gossipIntervalMs: 500, fanout: 3 }

function told(outbox: Outbox): [string, Message][] {
  return outbox.drain().outbound.map((each) => [each.type === 'send' ? each.to : '*', each.message])
}

function linked(...peers: readonly NodeId[]) {
  return { linkedPeers: () => peers }
}

describe('what peers say of themselves', () => {
  it('is told to whoever is linked, and to all of them when it changes', () => {
    const outbox = new Outbox()
    const reports = new PeerReports(SETTINGS, linked(n2, n3), outbox)
    reports.linked(n2)
    expect(told(outbox)).toEqual([['n2', { type: 'settings', ...SETTINGS }]])
    reports.rulesAre('xyz')
    const changed = { type: 'settings', ...SETTINGS, rules: 'xyz' }
    expect(told(outbox)).toEqual([
      ['n2', changed],
      ['n3', changed],
    ])
    reports.linked(n3)
    expect(told(outbox)).toEqual([['n3', changed]])
  })

  it('is not told by a node that has nothing to tell', () => {
    const outbox = new Outbox()
    const reports = new PeerReports(undefined, linked(n2), outbox)
    reports.linked(n2)
    reports.rulesAre('xyz')
    expect(told(outbox)).toEqual([])
  })

  it('is kept as it was said last, and for no longer than its peer is', () => {
    const reports = new PeerReports(SETTINGS, linked(), new Outbox())
    expect(reports.of(n2)).toBeUndefined()
    reports.sees(n2, 7)
    expect(reports.of(n2)).toEqual({ view: 7, settings: undefined })
    reports.has(n2, SETTINGS)
    reports.sees(n2, 8)
    expect(reports.of(n2)).toEqual({ view: 8, settings: SETTINGS })
    reports.forget(n2)
    expect(reports.of(n2)).toBeUndefined()
  })
})

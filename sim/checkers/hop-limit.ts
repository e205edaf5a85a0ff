import { HOPS_MAX } from '../../cluster/limits.ts'
import type { ForwardedCheck } from '../../cluster/message.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Oracle } from '../oracle.ts'
import { Travels } from './travels.ts'

/**
 * Invariant 12: a check is forwarded at most twice, and never in a circle: nobody passes a check on to the
 * peer that has just asked it. Read from forward frames. A second forward of a key cannot be told from the
 * asked node's own second attempt, so a circle is only called one when the node has no check of that key
 * under way from its own door, and everybody who asked it is the one it asks.
 */
export const hopLimit: Oracle = {
  invariant: 12,
  name: 'hop limit and no circles',
  watch({ world, found }) {
    const travels = new Travels()
    const doors = new Map<number, { readonly node: NodeId; readonly key: string }>()
    const isCircle = (from: NodeId, to: NodeId, check: ForwardedCheck) => {
      const askers = world.ids.filter((asker) => {
        if (asker === from) return false
        for (const other of travels.between(asker, from).values()) {
          if (isSameKey(other, check)) return true
        }
        return false
      })
      if (askers.length !== 1 || askers[0] !== to) return false
      for (const { node, key } of doors.values()) {
        if (node !== from) continue
        const { hi, lo } = world.hashOf(check.rule, key)
        if (hi === check.hashHi && lo === check.hashLo) return false
      }
      return true
    }
    return {
      asked: ({ id, node, request }) => doors.set(id, { node, key: request.key }),
      answered: ({ id }) => doors.delete(id),
      event(node, event) {
        if (event.type === 'link' && !event.up) travels.lost(node, event.peer)
      },
      sent(from, outbound) {
        if (outbound.type !== 'send') return
        const { to, message } = outbound
        if (message.type === 'reply') {
          const asked = travels.between(to, from)
          for (const { id } of message.decisions) asked.delete(id)
        }
        if (message.type !== 'forward') return
        for (const check of message.checks) {
          const { hops, rule } = check
          const journey = `${from} forwards a check of ${rule} to ${to}`
          if (to === from) found(`${journey}, itself`)
          if (hops < 1 || hops > HOPS_MAX) found(`${journey} as its hop ${hops}`)
          if (hops > 1 && isCircle(from, to, check)) found(`${journey}, who had asked it`)
        }
        travels.sent(from, outbound)
      },
    }
  },
}

function isSameKey(a: ForwardedCheck, b: ForwardedCheck): boolean {
  return a.hashLo === b.hashLo && a.hashHi === b.hashHi && a.rule === b.rule
}

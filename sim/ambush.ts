import type { NodeId } from '../crdt/node-id.ts'
import type { CheckRequest } from '../src/limiter/check.ts'
import type { Ambush } from './fault.ts'
import type { Observer } from './observer.ts'

/** What the adversary can do to a world. */
interface Victim {
  readonly nowMs: number
  readonly live: readonly NodeId[]
  at(atMs: number, happen: () => void): void
  ask(node: NodeId, request: CheckRequest): void
  kill(node: NodeId): void
}

/**
 * The adversary that knows when nodes gossip. It waits for the node's next broadcast, which tells the
 * others of an untouched bucket; then asks the node for a whole burst, and kills it before it can tell
 * anybody. As soon as the links are lost it asks everybody else for the same again. Nobody could have known
 * of the first burst: the worst that the death of an owner can cost.
 */
export function ambush(world: Victim, { node, rule, key, checks }: Ambush): Observer {
  let waits = true
  return {
    sent(from, outbound) {
      if (!waits || from !== node || outbound.type !== 'broadcast') return
      waits = false
      const request = { rule, key, cost: 1 }
      world.at(world.nowMs, () => {
        for (let asked = 0; asked < checks; asked++) world.ask(node, request)
        world.kill(node)
      })
      world.at(world.nowMs + NOTICED_MS, () => {
        for (const other of world.live) {
          for (let asked = 0; asked < checks; asked++) world.ask(other, request)
        }
      })
    },
  }
}

/** By then every survivor has lost its link to the dead node. */
const NOTICED_MS = 5

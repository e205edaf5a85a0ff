import { FORWARDS_PENDING_MAX, MEMBERS_MAX, WEIGHT_TABLES_MAX } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { LEASED_KEYS_MAX } from '../../src/limiter/leased.ts'
import type { Node } from '../../src/node.ts'
import type { Oracle } from '../oracle.ts'
import { looksOf } from './sample.ts'

const EVERY_LOOKS = looksOf(300)

/**
 * Invariant 18: every table, queue and cache stays under its named ceiling, as far as a node shows them: rows
 * and keys of each rule, keys that wait to be sent, forwards that wait for an answer, members, links.
 */
export const ceilings: Oracle = {
  invariant: 18,
  name: 'ceilings hold',
  watch({ world, experiment, found }) {
    const rowsMax = experiment.keysMax ?? 1_024
    const reported = new Set<string>()
    let looks = 0
    return {
      look() {
        looks += 1
        if (looks % EVERY_LOOKS !== 0) return
        for (const id of world.live) {
          for (const what of above(world.host(id).node, rowsMax, world.ids)) {
            const [table] = what.split(':')
            if (reported.has(`${id} ${table}`)) continue
            reported.add(`${id} ${table}`)
            found(`${id} ${what}`)
          }
        }
      },
    }
  },
}

function above(node: Node, rowsMax: number, ids: readonly NodeId[]): string[] {
  const { limiter, replica } = node
  const { membership } = replica
  const found: string[] = []
  const check = (table: string, size: number, most: number) => {
    if (size > most) found.push(`${table}: ${size} of at most ${most}`)
  }
  for (const { rule, store } of limiter.rules) {
    check(`rows of ${rule.name}`, store.table.rowsSeen, rowsMax)
    check(`keys of ${rule.name}`, store.table.keys, rowsMax)
    check(`leased keys of ${rule.name}`, store.leased.keys, LEASED_KEYS_MAX)
    check(`unacknowledged keys of ${rule.name}`, store.unacknowledged.keys, rowsMax)
    check(`unsent keys of ${rule.name}`, store.unsent.size, rowsMax)
  }
  check('pending forwards', replica.pending, FORWARDS_PENDING_MAX)
  check('members', membership.records.length, Math.min(MEMBERS_MAX, ids.length))
  check('weight tables', replica.weighing.held.length, WEIGHT_TABLES_MAX)
  check('links', membership.linkedPeers().length, ids.length - 1)
  return found
}

import type { Oracle } from '../oracle.ts'
import { type Held, type HeldRing, heldEverywhere, Sample } from './sample.ts'
import { Troubles } from './troubles.ts'
import { actorOf, type TrueKey, takenInSlices } from './truth.ts'

/**
 * Invariant 8: only an actor raises its counts. Nobody, the actor included, holds more of them than the
 * actor admitted, or gave back, by the ledger. Once somebody inflates counts, what nodes hold of others, or of their own former
 * lives, may be its lie, for a member can also lie in passing on; only their own are judged then. Nor
 * is a node that was slow, of which nobody knows when it decided what it said later.
 *
 * A node decides a moment before the ledger reads so from what it sends, in the same instant: what looks
 * wrong is looked at again when the instant is over.
 */
export const singleWriter: Oracle = {
  invariant: 8,
  name: 'single writer',
  watch(watch) {
    const { world, found } = watch
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    const invented = (key: TrueKey, held: readonly Held[]) =>
      held.flatMap((one) =>
        one.rings.flatMap((ring) => {
          const isOwn =
            ring.node === one.node && ring.incarnation === actorOf(world, one.node).incarnation
          if (!isOwn && troubles.hasInflated) return []
          if (troubles.wasSlow(ring.node)) return []
          const what = excessOf(key, one, ring, troubles)
          return what === undefined ? [] : [what]
        }),
      )
    return {
      look() {
        const { key } = sample
        if (key === undefined || !sample.isNew) return
        if (invented(key, sample.held).length === 0) return
        world.at(world.nowMs, () => {
          for (const what of invented(key, heldEverywhere(world, key))) found(what)
        })
      },
    }
  },
}

function excessOf(
  key: TrueKey,
  held: Held,
  ring: HeldRing,
  troubles: Troubles,
): string | undefined {
  const { limit, oldest, newest, node } = held
  const actor = key.actor(ring)
  const who = `by ${ring.node}#${ring.incarnation}`
  if (ring.credit === true) {
    const back = ring.tokens.reduce((sum, tokens) => sum + tokens, 0)
    if (back <= (actor?.givenBack ?? 0) || troubles.hasLostLinks(ring.node)) return undefined
    return `${node} holds ${back} of ${key.rule}/${key.name} given back ${who}, who was asked for ${actor?.givenBack ?? 0}`
  }
  const truth = actor === undefined ? [] : takenInSlices(actor, limit, oldest, newest)
  const at = ring.tokens.findIndex((tokens, slice) => {
    if (tokens <= (truth[slice] ?? 0)) return false
    return !troubles.hasLostLink(ring.node, limit, oldest + slice)
  })
  if (at < 0) return undefined
  return `${node} holds ${ring.tokens[at]} of ${key.rule}/${key.name} in slice ${oldest + at} ${who}, who admitted ${truth[at] ?? 0}`
}

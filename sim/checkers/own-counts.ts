import type { Oracle, Watch } from '../oracle.ts'
import { type Held, heldEverywhere, Sample } from './sample.ts'
import { Troubles } from './troubles.ts'
import { actorOf, admittedInSlices, type TrueKey } from './truth.ts'

/**
 * Invariant 10: a node's own counts equal its admissions by the ledger, slice by slice: nothing is lost and
 * nothing invented. It may count more where it lost a link: the answer to what it had just decided was lost
 * with it, and to the ledger, too. Not once its table has been full: what it forgot for another key begins anew;
 * nor for a node that was slow, of which nobody knows when it decided what it said later.
 */
export const ownCounts: Oracle = {
  invariant: 10,
  name: 'own counts are own admissions',
  watch(watch) {
    const { world, found } = watch
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    return {
      look() {
        const { key } = sample
        if (key === undefined || sample.isNew) return
        if (wrong(watch, troubles, key, sample.held).length === 0) return
        // A decision is made a moment before the ledger reads it, in the same instant.
        world.at(world.nowMs, () => {
          for (const what of wrong(watch, troubles, key, heldEverywhere(world, key))) found(what)
        })
      },
    }
  },
}

function wrong({ world }: Watch, troubles: Troubles, key: TrueKey, all: readonly Held[]): string[] {
  return all.flatMap((held) => {
    if (held.mayHaveForgotten || troubles.wasSlow(held.node)) return []
    const { limit, oldest, newest, node } = held
    const self = actorOf(world, node)
    const actor = key.actor(self)
    const ring = held.rings.find((one) => one.node === node && one.incarnation === self.incarnation)
    const truth = actor === undefined ? [] : admittedInSlices(actor, limit.sliceMs, oldest, newest)
    for (let slice = 0; slice <= newest - oldest; slice++) {
      const counted = ring?.tokens[slice] ?? 0
      const admitted = truth[slice] ?? 0
      if (counted === admitted) continue
      const fromMs = (oldest + slice) * limit.sliceMs
      if (counted > admitted && troubles.hasLostLink(node, fromMs, fromMs + limit.sliceMs)) continue
      return [
        `${node} counts ${counted} of ${key.rule}/${key.name} in slice ${oldest + slice} (limit ${held.limitIndex}), but admitted ${admitted}`,
      ]
    }
    return []
  })
}

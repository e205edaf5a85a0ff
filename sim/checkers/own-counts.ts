import type { Actor } from '../../crdt/node-id.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { type Held, heldEverywhere, Sample, sameRing } from './sample.ts'
import { Troubles } from './troubles.ts'
import { actorOf, owedInSlices, type TrueActor, type TrueKey, takenInSlices } from './truth.ts'

/**
 * Invariant 10: a node's own counts equal its admissions by the ledger, slice by slice: nothing is lost and
 * nothing invented. It may count more where it lost a link: the answer to what it had just decided was lost
 * with it, and to the ledger, too. Not once its table has been full: what it forgot for another key begins anew;
 * nor for a node that was slow, of which nobody knows when it decided what it said later.
 *
 * Of a penalty it may count less, for what no honest count could say is owed to the node alone. What it counts as
 * given back is no more than it was asked to give back, in all slices together: it is written where it cancels
 * most surely, and less of it where less was in use.
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

function wrong(watch: Watch, troubles: Troubles, key: TrueKey, all: readonly Held[]): string[] {
  return all.flatMap((held) => {
    if (held.mayHaveForgotten || troubles.wasSlow(held.node)) return []
    const self = actorOf(watch.world, held.node)
    const actor = key.actor(self)
    return [
      ...wrongAdmissions(troubles, key, actor, self, held),
      ...wrongCredit(troubles, key, actor, self, held),
    ]
  })
}

function wrongAdmissions(
  troubles: Troubles,
  key: TrueKey,
  actor: TrueActor | undefined,
  self: Actor,
  { limit, oldest, newest, node, rings, limitIndex }: Held,
): string[] {
  const ring = sameRing(rings, self)
  const truth = actor === undefined ? [] : takenInSlices(actor, limit, oldest, newest)
  const owed = actor === undefined ? [] : owedInSlices(actor, limit, oldest, newest)
  for (let slice = 0; slice <= newest - oldest; slice++) {
    const counted = ring?.tokens[slice] ?? 0
    const admitted = truth[slice] ?? 0
    if (counted <= admitted && counted >= admitted - (owed[slice] ?? 0)) continue
    if (counted > admitted && troubles.hasLostLink(node, limit, oldest + slice)) continue
    return [
      `${node} counts ${counted} of ${key.rule}/${key.name} in slice ${oldest + slice} (limit ${limitIndex}), but admitted ${admitted}`,
    ]
  }
  return []
}

function wrongCredit(
  troubles: Troubles,
  key: TrueKey,
  actor: TrueActor | undefined,
  self: Actor,
  { node, rings, limitIndex }: Held,
): string[] {
  const ring = sameRing(rings, { ...self, credit: true })
  const counted = ring?.tokens.reduce((sum, tokens) => sum + tokens, 0) ?? 0
  const asked = actor?.givenBack ?? 0
  if (counted <= asked || troubles.hasLostLinks(node)) return []
  return [
    `${node} counts ${counted} of ${key.rule}/${key.name} as given back (limit ${limitIndex}), but was asked for ${asked}`,
  ]
}

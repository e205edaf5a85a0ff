import { GOSSIP_INTERVAL_MS, SUSPECT_MISSED_TICKS, SUSPICION_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { LOOK_MS } from '../observer.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { Troubles } from './troubles.ts'

/** A rumour from the far side of a split may call a node dead; it has until then denied it, everywhere. */
const DENIED_INTERVALS = 4

/**
 * Invariant 17: a node that answers is not held dead by anybody it can talk to; and one that does not, because
 * it was killed, lost its power, is stopped or cut off, is held dead (or is forgotten) after 4 gossip
 * intervals and the suspicion, 5 s by default.
 *
 * Judged pair by pair. Two can talk while both live, neither is held up or lies, and no path between them is
 * cut; a false death has 4 gossip intervals to be denied, for rumours outlive the split that made them. For
 * the other half both must have been undisturbed for so long, and nobody else may hear the silent one either,
 * for a heartbeat also comes over relays.
 */
export const membershipTruth: Oracle = {
  invariant: 17,
  name: 'the dead are dead, the living are not',
  watch(watch) {
    const { world, experiment, found } = watch
    const troubles = Troubles.of(watch)
    const intervalMs = experiment.gossipIntervalMs ?? GOSSIP_INTERVAL_MS
    const deniedMs = DENIED_INTERVALS * intervalMs
    const deadMs = (SUSPECT_MISSED_TICKS + 1) * intervalMs + SUSPICION_MS
    const falseSinceMs = new Map<string, number>()
    const silentSinceMs = new Map<NodeId, number>()
    const reported = new Set<string>()
    const lapse = (name: string, what: string) => {
      if (reported.has(name)) return
      reported.add(name)
      found(what)
    }
    return {
      look() {
        const { nowMs, ids, live } = world
        for (const id of ids) {
          if (!isSilent(watch, troubles, id)) silentSinceMs.delete(id)
          else if (!silentSinceMs.has(id)) silentSinceMs.set(id, nowMs - LOOK_MS)
        }
        for (const judge of live) {
          if (isHeldUp(troubles, judge, nowMs) || troubles.hasLied(judge)) continue
          for (const id of ids) {
            if (id === judge) continue
            const pair = `${judge} ${id} ${world.lifeOf(judge)} ${world.lifeOf(id)}`
            const isDead = holdsDead(watch, judge, id)
            const silentMs = nowMs - (silentSinceMs.get(id) ?? nowMs)
            const stableMs = nowMs - Math.max(troubles.cutMs, troubles.heldUpUntilMs(judge))
            if (!isDead && Math.min(silentMs, stableMs) > deadMs + LOOK_MS) {
              lapse(`${pair} alive`, `${judge} holds ${id} alive after ${silentMs} ms of silence`)
            }
            if (isDead !== true || !canTalk(watch, troubles, judge, id)) falseSinceMs.delete(pair)
            else if (!falseSinceMs.has(pair)) falseSinceMs.set(pair, nowMs)
            const falseMs = nowMs - (falseSinceMs.get(pair) ?? nowMs)
            if (falseMs > deniedMs)
              lapse(pair, `${judge} has held ${id} dead, who answers, for ${falseMs} ms`)
          }
        }
      },
    }
  },
}

/** Whether the judge knows the node's present life to be over; 'gone' if it does not know the node. */
function holdsDead({ world }: Watch, judge: NodeId, id: NodeId): boolean | 'gone' {
  const record = world.host(judge).node.replica.membership.record(id)
  if (record === undefined || record.state === 'left') return 'gone'
  const { incarnation } = world.host(id).node.replica.membership.self
  if (world.host(id).alive && record.incarnation !== incarnation) return 'gone'
  return record.state === 'dead'
}

function isHeldUp(troubles: Troubles, id: NodeId, nowMs: number): boolean {
  return troubles.heldUpUntilMs(id) >= nowMs - LOOK_MS
}

function isSilent({ world }: Watch, troubles: Troubles, id: NodeId): boolean {
  const { host } = { host: world.host(id) }
  if (!host.alive) return true
  if (host.isPaused && host.inputMs === 0) return true
  return (
    world.live.every((other) => other === id || troubles.isCut(id, other)) && world.live.length > 1
  )
}

function canTalk({ world }: Watch, troubles: Troubles, judge: NodeId, id: NodeId): boolean {
  return (
    world.host(id).alive &&
    !troubles.hasLeft(id) &&
    !troubles.hasLied(id) &&
    !isHeldUp(troubles, id, world.nowMs) &&
    !troubles.isCut(judge, id) &&
    !troubles.isCut(id, judge)
  )
}

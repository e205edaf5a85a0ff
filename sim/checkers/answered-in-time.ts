import { FORWARD_ATTEMPTS_MAX, FORWARD_TIMEOUT_MS_MAX, TICK_MS } from '../../cluster/limits.ts'
import type { Asked } from '../observer.ts'
import type { Oracle } from '../oracle.ts'
import { START_MS } from '../simulation.ts'
import { Troubles } from './troubles.ts'

/**
 * A check is decided where it is after so many attempts. Each ends at the first tick after its timeout, which
 * is read on a clock of whole milliseconds; a tick may come one `TICK_MS` late.
 */
export const DEADLINE_MS = FORWARD_ATTEMPTS_MAX * (FORWARD_TIMEOUT_MS_MAX + 2 * TICK_MS)

/**
 * Invariant 13: every check is answered within `DEADLINE_MS` of being asked, whoever else is dead or out of
 * reach, unless its own node died, or was stopped or slow meanwhile.
 */
export const answeredInTime: Oracle = {
  invariant: 13,
  name: 'answered in time',
  watch(watch) {
    const { world, found } = watch
    const troubles = Troubles.of(watch)
    const waiting = new Map<number, Asked>()
    const lives = new Map<number, number>()
    const isExcused = ({ node, askedMs }: Asked) => troubles.heldUpUntilMs(node) >= askedMs
    return {
      asked(check) {
        waiting.set(check.id, check)
        if (world.lifeOf(check.node) > 1) lives.set(check.id, world.lifeOf(check.node))
      },
      answered(seen) {
        waiting.delete(seen.id)
        const tookMs = seen.answeredMs - seen.askedMs
        if (tookMs <= DEADLINE_MS || isExcused(seen)) return
        found(`${seen.node} took ${tookMs.toFixed(1)} ms for a check of ${seen.request.key}`)
      },
      look() {
        for (const [id, check] of waiting) {
          if (world.nowMs - check.askedMs <= DEADLINE_MS) return
          waiting.delete(id)
          const { node, request, askedMs } = check
          const isSameLife = world.host(node).alive && world.lifeOf(node) === (lives.get(id) ?? 1)
          lives.delete(id)
          if (!isSameLife || isExcused(check)) continue
          const at = (askedMs - START_MS).toFixed(1)
          found(`${node} has not answered a check of ${request.key} that it was asked at ${at}`)
        }
      },
    }
  },
}

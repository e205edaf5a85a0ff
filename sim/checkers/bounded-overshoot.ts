import type { Oracle } from '../oracle.ts'
import { Truth } from './truth.ts'

/**
 * Invariant 1: the overshoot of a key stays within a bound. `boundOf` gives it in tokens, for a rule, the
 * key's name in hex and the index of a limit. Fires at the moment at which the ideal meter of all admissions rises above B + bound,
 * once for each limit of a key. (What was given back is out of it; a penalty lets nobody through.) Admissions are timed on clocks of whole milliseconds, so R·1 ms is forgiven.
 */
export function boundedOvershoot(
  boundOf: (rule: string, key: string, limit: number) => number,
): Oracle {
  return {
    invariant: 1,
    name: 'bounded overshoot',
    watch(watch) {
      const { world, found } = watch
      const truth = Truth.of(watch)
      const exceeded = new Set<string>()
      return {
        admitted({ rule, key, atMs, node }) {
          const known = truth.ofName(rule, key)
          known?.policies.forEach(({ rate, burst }, index) => {
            const level = known.meters[index]?.admittedAt(Math.floor(atMs)) ?? 0
            const bound = boundOf(rule, key, index)
            const most = burst + bound + rate.count / rate.periodMs
            if (level <= most || exceeded.has(`${rule}/${key}/${index}`)) return
            exceeded.add(`${rule}/${key}/${index}`)
            const over = (level - burst).toFixed(2)
            found(
              `${node} took ${rule}/${key} (limit ${index}) ${over} tokens above its burst of ${burst}; the bound is ${bound}, with ${world.live.length} nodes up`,
            )
          })
        },
      }
    },
  }
}

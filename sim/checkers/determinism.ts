import type { Oracle } from '../oracle.ts'
import { type Held, looksOf, Sample } from './sample.ts'

const EVERY_LOOKS = looksOf(500)

/** Invariant 7: nodes that hold the same of a key give the same level for the same instant. */
export const determinism: Oracle = {
  invariant: 7,
  name: 'equal state, equal level',
  watch(watch) {
    const { found } = watch
    const sample = Sample.of(watch)
    return {
      look() {
        if (sample.looks % EVERY_LOOKS !== 0) return
        // By the clock that is furthest ahead: what another has let go of since is no longer counted.
        const atMs = sample.held.reduce((latest, { nowMs }) => Math.max(latest, nowMs), 0)
        const levels = new Map<string, { readonly held: Held; readonly level: number }>()
        for (const held of sample.held) {
          const level = held.levelAt(atMs)
          if (level === undefined) continue
          const state = textOf(held)
          const same = levels.get(state)
          if (same === undefined) levels.set(state, { held, level })
          else if (same.level !== level) {
            found(
              `${same.held.node} and ${held.node} hold the same of ${sample.key?.name} but say ${same.level} and ${level}`,
            )
          }
        }
      },
    }
  },
}

/** Equal for equal counts under equal limits. */
function textOf({ limit, limitIndex, oldest, rings }: Held): string {
  const { tokenUnits, drainPerMs, capacityUnits, sliceMs, slices } = limit
  const counts = rings
    .filter(({ tokens }) => tokens.some((count) => count > 0))
    .map(({ node, incarnation, credit = false, tokens }) => {
      return `${node}#${incarnation} ${credit} ${tokens.join()}`
    })
    .sort()
  return `${limitIndex} ${tokenUnits} ${drainPerMs} ${capacityUnits} ${sliceMs} ${slices} ${oldest} ${counts.join(' ')}`
}

import type { Oracle } from '../oracle.ts'
import { type Held, Sample, sameRing } from './sample.ts'
import type { TrueKey } from './truth.ts'

/**
 * Invariant 9: no live entry, of what was admitted or of what was given back, ever decreases at a node during one life. Compares two looks at the same key.
 * Not once the node's table has been full: what it forgot may come back lower.
 */
export const monotone: Oracle = {
  invariant: 9,
  name: 'no live count decreases',
  watch(watch) {
    const { world, found } = watch
    const sample = Sample.of(watch)
    let before: readonly Held[] = []
    let keyBefore: TrueKey | undefined
    const lives = new Map<string, number>()
    return {
      look() {
        const { key, held } = sample
        if (key !== undefined && key === keyBefore) {
          for (const then of before) {
            if (lives.get(then.node) !== world.lifeOf(then.node)) continue
            const now = held.find(
              ({ node, limitIndex }) => node === then.node && limitIndex === then.limitIndex,
            )
            const what = now === undefined ? undefined : fallen(then, now)
            if (what !== undefined) found(`${what} of ${key.rule}/${key.name}`)
          }
        }
        before = held
        keyBefore = key
        for (const { node } of held) lives.set(node, world.lifeOf(node))
      },
    }
  },
}

function fallen(then: Held, now: Held): string | undefined {
  if (now.mayHaveForgotten || then.limit.sliceMs !== now.limit.sliceMs) return undefined
  for (const ring of then.rings) {
    const present = sameRing(now.rings, ring)
    for (let slice = now.oldest; slice <= then.newest; slice++) {
      const held = ring.tokens[slice - then.oldest] ?? 0
      const left = present?.tokens[slice - now.oldest] ?? 0
      if (left >= held) continue
      return `${now.node} holds ${left} in slice ${slice} by ${ring.node}#${ring.incarnation} after ${held}`
    }
  }
  return undefined
}

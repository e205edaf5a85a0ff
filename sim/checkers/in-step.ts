import type { NodeId } from '../../crdt/node-id.ts'
import { quotaOf } from '../../src/limiter/local-mode.ts'
import type { Oracle } from '../oracle.ts'
import { type Held, type HeldRing, Sample, sameRing } from './sample.ts'
import { Troubles } from './troubles.ts'
import { actorOf } from './truth.ts'

/**
 * Invariant 27: where every node decides, none that decides together with the others is more than its quota ahead of what
 * any of them holds; and as long as one decides alone, nobody decides together. Members come and go one after another, so q
 * is that of one member less than a node counts.
 *
 * What tables forget, clocks that are set, and members that lie are other stories.
 */
export const inStep: Oracle = {
  invariant: 27,
  name: 'deciders are in step',
  watch(watch) {
    const { world, experiment, found } = watch
    const local = new Set(experiment.rules.filter((rule) => rule.local).map(({ name }) => name))
    if (local.size === 0) return {}
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    const companyOf = (id: NodeId) => {
      const { node, nowMs } = world.host(id)
      return node.replica.inStep.company(nowMs)
    }
    return {
      look() {
        const { key, held } = sample
        if (troubles.clocksDiffer || troubles.rulesDiffer || troubles.hasInflated) return
        const deciding = world.live.filter((id) => !world.host(id).isPaused)
        const alone = deciding.filter((id) => companyOf(id)?.type === 'alone')
        const together = deciding.filter((id) => isOneOfMany(companyOf(id)))
        if (alone.length > 0 && together.length > 0) {
          found(`${together.join('+')} decide together while ${alone.join('+')} decides alone`)
        }
        if (key === undefined || !local.has(key.rule)) return
        for (const one of held.filter(({ node }) => together.includes(node))) {
          const members = companyOf(one.node)?.members ?? 1
          const burst = Math.min(...key.policies.map((policy) => policy.burst))
          const quota = quotaOf(burst, Math.max(1, members - 1))
          if (quotaOf(burst, members) === 0) continue
          const own = sameRing(one.rings, actorOf(world, one.node))
          for (const other of held) {
            const isDecider = other.limitIndex === one.limitIndex && together.includes(other.node)
            if (own === undefined || !isDecider || other.mayHaveForgotten) continue
            const ahead = aheadOf(one, own, other)
            if (ahead <= quota) continue
            found(
              `${one.node} is ${ahead} of ${key.rule}/${key.name} ahead of ${other.node}, more than ${quota}`,
            )
          }
        }
      },
    }
  },
}

function isOneOfMany(company: { readonly type: string; readonly members: number } | undefined) {
  return company?.type === 'together' && company.members > 1
}

/** Tokens of `own` that `other` does not hold, of slices that both keep. */
function aheadOf(one: Held, own: HeldRing, other: Held): number {
  const known = sameRing(other.rings, own)
  const oldest = Math.max(one.oldest, other.oldest)
  return own.tokens.reduce((ahead, tokens, index) => {
    const slice = one.oldest + index
    if (slice < oldest) return ahead
    return ahead + Math.max(0, tokens - (known?.tokens[slice - other.oldest] ?? 0))
  }, 0)
}

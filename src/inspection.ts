import { standing, weightOf } from '../cluster/partition-policy.ts'
import type { NodeId } from '../crdt/node-id.ts'
import { inspectKey } from './limiter/inspect.ts'
import { hashHex } from './limiter/key-hash.ts'
import type { Rule } from './limiter/policy.ts'
import type { Node } from './node.ts'
import { renderLimit } from './rules/limit-text.ts'
import type { Matched } from './rules/rule-book.ts'
import type { KeyInspection } from './running-node.ts'

/** What of a match decides where its counts are. */
type Inspected = Omit<Matched, 'rule'> & { readonly rule: { readonly name: string } }

/** What a node holds about one key, for those who look at it. */
export function inspection(
  { limiter, replica }: Node,
  { rule, key, counter, tier, override }: Inspected,
  nowMs: number,
): KeyInspection {
  const named = {
    rule: rule.name,
    key,
    ...(tier !== undefined && { tier }),
    ...(override !== undefined && { override: override.key }),
  }
  const state = counter === undefined ? undefined : limiter.rule(counter)
  if (state === undefined) return { ...named, hash: '', owners: [], limits: [] }
  const hash = state.hash(key)
  state.bring(hash, nowMs)
  const { placement } = replica.membership
  const nameOf = (id: NodeId) => replica.membership.record(id)?.name ?? id
  const owners = placement.preference(hash.hi, placement.members.length).map(nameOf)
  const limits = inspectKey(state, limiter.actors, hash, nowMs).map((view) => ({
    limit: renderLimit(view.limit.policy),
    sliceMs: view.limit.sliceMs,
    level: view.level,
    acting: view.acting,
    counts: view.counts.map(({ slice, actor, tokens }) => ({
      slice,
      node: nameOf(actor.node),
      incarnation: actor.incarnation,
      tokens,
    })),
  }))
  const partition = partitionOf(state.rule, replica, nowMs)
  return { ...named, hash: hashHex(hash), owners, partition, limits }
}

function partitionOf(
  { onPartition = 'majority', partitionWeights = 'nodes' }: Rule,
  { reaching, membership }: Node['replica'],
  nowMs: number,
): NonNullable<KeyInspection['partition']> {
  const reach = reaching.reachFor(membership.self.id, nowMs, partitionWeights)
  const weight = weightOf(standing(onPartition, reach))
  return { policy: onPartition, weights: partitionWeights, weight }
}

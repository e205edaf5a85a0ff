import type { NodeId } from '../../crdt/node-id.ts'
import { columns } from '../../src/cli/output.ts'
import { inspectKey, type LimitView } from '../../src/limiter/inspect.ts'
import type { Simulation } from '../simulation.ts'
import { tokensText } from './number-text.ts'

/** A key that clients ask for. */
export interface AskedKey {
  readonly rule: string
  readonly key: string
}

/** Keys shown; the rest is counted. */
const KEYS_SHOWN = 20

/** What every node of a world knows: members, ring view, and the levels and counts of keys. For people. */
export function stateLines(world: Simulation, asked: readonly AskedKey[]): string[] {
  const shown = asked.slice(0, KEYS_SHOWN)
  const hidden = asked.length - shown.length
  return [
    ...world.ids.flatMap((id) => nodeLines(world, id)),
    ...shown.flatMap((key) => keyLines(world, key)),
    ...(hidden > 0 ? [`… and ${hidden} keys more`] : []),
  ]
}

function nodeLines(world: Simulation, id: NodeId): string[] {
  const host = world.host(id)
  if (!host.alive) return [`${id}: down`, '']
  const { membership } = host.node.replica
  const { self, placement, view } = membership
  const aheadMs = Math.round(host.nowMs - world.nowMs)
  const rows = membership.records.map((record) => [
    `  ${record.id}`,
    record.state,
    `incarnation ${record.incarnation}`,
    `refutation ${record.refutation}`,
    record.id === id ? 'itself' : membership.isLinked(record.id) ? 'linked' : 'no link',
  ])
  return [
    `${id}: ${self.state}, life ${world.lifeOf(id)}, clock ${aheadMs >= 0 ? '+' : ''}${aheadMs} ms${host.isPaused ? ', stopped' : ''}`,
    `  ring ${view.toString(16).padStart(8, '0')}: ${placement.members.join(' ')}`,
    ...columns(rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))),
    '',
  ]
}

function keyLines(world: Simulation, { rule, key }: AskedKey): string[] {
  const hash = world.hashOf(rule, key)
  const rows = world.live.flatMap((id) => {
    const { node, nowMs } = world.host(id)
    const state = node.limiter.rule(rule)
    if (state === undefined) return [[`  ${id}`, 'has no such rule']]
    const { placement } = node.replica.membership
    const owner = placement.owner(hash.hi) ?? 'nobody'
    return inspectKey(state, node.limiter.actors, hash, nowMs).map((view, limit) => [
      `  ${id}`,
      `limit ${limit + 1}`,
      `level ${tokensText(view.level)} of ${state.rule.limits[limit]?.burst}`,
      `owner ${owner}`,
      view.acting ? 'acting' : '',
      countsText(view),
    ])
  })
  return [`${rule}/${key} (${world.keyName(rule, key)})`, ...columns(rows), '']
}

/** What each actor admitted, in slices that are still kept: `n1#…4711: 12 + 3`. */
function countsText({ counts }: LimitView): string {
  const actors = new Map<string, number[]>()
  for (const { actor, tokens } of counts) {
    const name = `${actor.node}#…${String(actor.incarnation).slice(-4)}`
    const slices = actors.get(name)
    if (slices === undefined) actors.set(name, [tokens])
    else slices.push(tokens)
  }
  return [...actors].map(([name, slices]) => `${name}: ${slices.join(' + ')}`).join(', ')
}

import { Gauge, type Registry } from 'prom-client'
import type { MemberState } from '../../cluster/message.ts'
import type { Weights } from '../../cluster/partition-policy.ts'

/** What is not counted but looked up when the metrics are read. */
export interface MetricsSource {
  /** Keys held in this node's table. */
  keys(): number
  /** Other members by state; every state that is to be shown must be there, with 0 if need be. */
  peers(): ReadonlyMap<MemberState, number>
  /** 1 while everybody who may be alive is reached. */
  partitionWeight(weights: Weights): number
  /** Of linked peers, by their names. */
  clockOffsetsMs(): ReadonlyMap<string, number>
}

type Read = (gauge: Gauge, source: MetricsSource) => void

/** Gauges that `source` fills whenever they are read. */
export function registerSources(
  source: () => MetricsSource | undefined,
  registers: Registry[],
): void {
  const add = (name: string, help: string, labelNames: string[], read: Read) => {
    const gauge: Gauge = new Gauge({
      ...{ name, help, labelNames, registers },
      collect: () => {
        gauge.reset()
        const from = source()
        if (from !== undefined) read(gauge, from)
      },
    })
  }
  add('rate_limiter_keys', 'Keys held.', [], (keys, from) => keys.set(from.keys()))
  add('rate_limiter_peers', 'Other members by state.', ['state'], (peers, from) => {
    for (const [state, count] of from.peers()) peers.set({ state }, count)
  })
  const share = 'The share of the limits that this node gives out.'
  add('rate_limiter_partition_weight', share, [], (weight, from) =>
    weight.set(from.partitionWeight('nodes')),
  )
  const demandShare = 'The same by rules whose members weigh by demand.'
  add('rate_limiter_partition_demand_weight', demandShare, [], (weight, from) =>
    weight.set(from.partitionWeight('demand')),
  )
  const ahead = 'By how much the clock of a peer is ahead.'
  add('rate_limiter_clock_offset_seconds', ahead, ['peer'], (offset, from) => {
    for (const [peer, ms] of from.clockOffsetsMs()) offset.set({ peer }, ms / 1_000)
  })
}

import { Registry } from 'prom-client'
import { MEMBER_STATES } from '../../cluster/message.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { RuleBook } from '../../src/rules/rule-book.ts'

/** One name a query may ask for, as a node really has it. */
export interface Series {
  readonly metric: string
  readonly type: string
  /** Labels, each with the values it takes. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>
}

/** Every series of a node with these rules, by name: histograms stand for `_bucket`, `_sum` and `_count`. */
export async function registeredSeries(book: RuleBook): Promise<ReadonlyMap<string, Series>> {
  const registry = new Registry()
  const metrics = createMetrics({ book, registry })
  const peers = new Map(MEMBER_STATES.map((state) => [state, 0]))
  metrics.readFrom({
    keys: () => 0,
    peers: () => peers,
    partitionWeight: () => 1,
    clockOffsetsMs: () => new Map([['n2', 0]]),
  })

  const all = new Map<string, Series>()
  for (const { name, type, values } of await registry.getMetricsAsJSON()) {
    for (const value of values) {
      const series = 'metricName' in value ? String(value.metricName) : name
      const labels = new Map(all.get(series)?.labels)
      for (const [label, word] of Object.entries(value.labels)) {
        labels.set(label, new Set([...(labels.get(label) ?? []), String(word)]))
      }
      all.set(series, { metric: name, type: String(type), labels })
    }
  }
  return all
}

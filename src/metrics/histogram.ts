import type { Metric, Registry } from 'prom-client'

/**
 * A histogram for what happens at every check. prom-client's own looks its labels and its bucket up by name each
 * time it observes; here that is an addition to plain numbers, and names are put to them when they are read. What is
 * read is the same.
 */
export class Histogram {
  readonly #name: string
  readonly #bounds: Float64Array
  readonly #series: Series[] = []

  constructor({ name, help, buckets, registers }: HistogramOptions) {
    this.#name = name
    this.#bounds = Float64Array.from(buckets)
    const get = async () => {
      const values = this.#series.flatMap((series) => this.#values(series))
      return { name, help, type: 'histogram', aggregator: 'sum', values }
    }
    // All that a registry asks of a metric, though its type names the classes of prom-client alone.
    const metric = { name, help, type: 'histogram', aggregator: 'sum', get } as unknown as Metric
    for (const register of registers) register.registerMetric(metric)
  }

  /** The observations under these labels. They are told of from the first one on, or from the start. */
  series(labels: Labels = {}, fromStart = true): Observations {
    const observations = new Observations(this.#bounds)
    this.#series.push({ labels, fromStart, observations })
    return observations
  }

  #values({ labels, fromStart, observations: { counts, sum } }: Series): Value[] {
    const count = counts.reduce((total, one) => total + one, 0)
    if (count === 0 && !fromStart) return []
    const buckets: Value[] = []
    let upTo = 0
    for (const [at, bound] of [...this.#bounds, '+Inf'].entries()) {
      upTo += counts[at] as number
      const within = { le: bound, ...labels }
      buckets.push({ metricName: `${this.#name}_bucket`, labels: within, value: upTo })
    }
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: sum },
      { metricName: `${this.#name}_count`, labels, value: count },
    ]
  }
}

export interface HistogramOptions {
  readonly name: string
  readonly help: string
  /** Upper bounds, each included, in ascending order. */
  readonly buckets: readonly number[]
  readonly registers: readonly Registry[]
}

type Labels = Readonly<Record<string, string>>

interface Series {
  readonly labels: Labels
  readonly fromStart: boolean
  readonly observations: Observations
}

interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** How many there were in each bucket, and beyond the last; and their sum. */
export class Observations {
  readonly #bounds: Float64Array
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: Float64Array) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += value
  }
}

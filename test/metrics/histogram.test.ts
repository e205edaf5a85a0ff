import fc from 'fast-check'
import { Histogram as PromHistogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { Histogram } from '../../src/metrics/histogram.ts'

const BUCKETS = [0.000_01, 0.1, 0.25, 1]
const NAME = { name: 'seconds', help: 'How long.', buckets: BUCKETS }
const PATHS = ['local', 'forwarded'] as const

const seconds = fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 2, noNaN: true }))
const observed = fc.array(fc.record({ path: fc.constantFrom(...PATHS), value: seconds }))

describe('a histogram', () => {
  it('reads as one of prom-client that has observed the same', async () => {
    await fc.assert(
      fc.asyncProperty(observed, async (observations) => {
        const theirs = new Registry()
        const oracle = new PromHistogram({ ...NAME, labelNames: ['path'], registers: [theirs] })
        for (const path of PATHS) oracle.zero({ path })
        const ours = new Registry()
        const histogram = new Histogram({ ...NAME, registers: [ours] })
        const series = {
          local: histogram.series({ path: 'local' }),
          forwarded: histogram.series({ path: 'forwarded' }),
        }
        for (const { path, value } of observations) {
          oracle.observe({ path }, value)
          series[path].observe(value)
        }
        expect(await ours.metrics()).toBe(await theirs.metrics())
      }),
    )
  })

  it('has no series before the first observation where it is told so', async () => {
    const registry = new Registry()
    const series = new Histogram({ ...NAME, registers: [registry] }).series(
      { path: 'local' },
      false,
    )
    expect(await registry.metrics()).not.toContain('local')
    series.observe(0.25)
    expect(await registry.metrics()).toContain('seconds_bucket{le="0.25",path="local"} 1')
  })

  it('takes a name once', () => {
    const registers = [new Registry()]
    new Histogram({ ...NAME, registers })
    expect(() => new Histogram({ ...NAME, registers })).toThrow('already been registered')
  })
})

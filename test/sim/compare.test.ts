import { describe, expect, test } from 'vitest'
import type { Architecture, Scenario } from '../../sim/compare/architecture.ts'
import { centralStoreClosed, centralStoreOpen } from '../../sim/compare/central-store.ts'
import { type Comparison, compare, IDEAL, type Row } from '../../sim/compare/compare.ts'
import { gossipOnly } from '../../sim/compare/gossip.ts'
import { hierarchical } from '../../sim/compare/hierarchical.ts'
import { leases } from '../../sim/compare/leases.ts'
import { localSplit, localWhole } from '../../sim/compare/local.ts'
import { COMPARE_DEFAULTS, type CompareOptions } from '../../sim/compare/options.ts'
import type { PhaseName } from '../../sim/compare/timeline.ts'
import { weirMajority, weirShare } from '../../sim/compare/weir.ts'

const { nodes: N, delay, workload } = COMPARE_DEFAULTS
const R = 100
const B = 100
/** Admissions of Weir are timed on clocks of whole milliseconds. */
const ROUNDING = 1
const steady = { minMs: delay.minMs, maxMs: delay.maxMs }
const phasesMs = { healthy: 4_000, outage: 4_000, recovered: 4_000, split: 12_000, healed: 4_000 }
/** Fifteen times the limit, from all servers alike, and nothing else. */
const flood = { ...workload, hotPerS: 1_500, keys: 0, homeShare: 0, largeShare: 0 }

/** Runs with nothing special wanted: the same for every test. */
const usual = new Map<Architecture, Comparison>()

function run(architecture: Architecture, wanted: Partial<CompareOptions> | undefined): Comparison {
  const known = wanted === undefined ? usual.get(architecture) : undefined
  const comparison = known ?? compare({ phasesMs, delay: steady, ...wanted }, [architecture])
  if (wanted === undefined) usual.set(architecture, comparison)
  return comparison
}

function measure(architecture: Architecture, wanted?: Partial<CompareOptions>) {
  const { rows, series } = run(architecture, wanted)
  const phase = (name: PhaseName): Row => {
    const row = rows.find((candidate) => candidate.phase === name)
    if (row === undefined) throw new Error(`no figures of ${name}`)
    return row
  }
  return { phase, series }
}

describe('local buckets', () => {
  test('with the whole limit each admit N times the limit to clients of all servers', () => {
    const { phase, series } = measure(localWhole, { workload: flood })
    expect(phase('healthy').admittedOverIdeal).toBeCloseTo(N, 1)
    const [ideal, local] = series.map(({ cumulative }) => cumulative[30] ?? 0)
    expect(local).toBeCloseTo(N * (ideal ?? 0), -2)
    expect(phase('split').overshoot).toBeGreaterThan((N - 1) * R * 11)
  })

  test('with 1/N each never exceed the limit, and are right when demand is even', () => {
    const { phase } = measure(localSplit, { workload: flood })
    expect(phase('healthy').overshoot).toBe(0)
    expect(phase('healthy').accuracy).toBeGreaterThan(0.99)
  })

  test('with 1/N each refuse wrongly when origins are uneven', () => {
    const uneven = { ...flood, hotPerS: 0.9 * R, homeShare: 1 }
    const { phase } = measure(localSplit, { workload: uneven })
    // Of 90 tokens a second, which the limit allows, one server gets all and allows 20; and once its burst of 20.
    expect(phase('split').wronglyRefused).toBeCloseTo(1 - R / N / (0.9 * R), 1)
    expect(phase('split').overshoot).toBe(0)
  })
})

describe('a central store', () => {
  test('is exact while it answers, up to what is on its way, for one round trip a check', () => {
    const { phase } = measure(centralStoreOpen)
    const { accuracy, overshoot, wronglyRefused, failed, p50Ms, p99Ms, messagesPerCheck } =
      phase('healthy')
    expect(accuracy).toBeGreaterThan(0.995)
    expect(overshoot).toBeCloseTo(0, 6)
    expect(wronglyRefused).toBe(0)
    expect(failed).toBe(0)
    expect(p50Ms).toBeCloseTo(delay.minMs + delay.maxMs, 0)
    expect(p99Ms).toBeLessThanOrEqual(2 * delay.maxMs + 0.5)
    expect(messagesPerCheck).toBeCloseTo(2, 1)
  })

  test.each(['kill', 'power-off'] as const)(
    'that is gone (%s) lets everything pass if it fails open, and nothing if it fails closed',
    (outage) => {
      const open = measure(centralStoreOpen, { outage }).phase('outage')
      const closed = measure(centralStoreClosed, { outage }).phase('outage')
      expect(open.failed).toBe(0)
      expect(open.overshoot).toBeGreaterThan((workload.hotPerS - R) * 3)
      expect(closed.failed).toBeGreaterThan(0.99)
      expect(closed.overshoot).toBe(0)
      expect(open.p99Ms).toBeLessThanOrEqual(COMPARE_DEFAULTS.store.timeoutMs)
      expect(open.p50Ms).toBe(0)
    },
  )

  test('serves one side of a split', () => {
    const { failed } = measure(centralStoreClosed).phase('split')
    expect(failed).toBeGreaterThan(0.2)
    expect(failed).toBeLessThan(0.5)
    expect(measure(centralStoreClosed).phase('healed').failed).toBeLessThan(0.05)
  })
})

describe('leases', () => {
  test.each([10, 40])('of %d tokens exceed the limit by at most one for each server', (tokens) => {
    const { phase } = measure(leases, { leases: { tokens, ttlMs: 1_000 } })
    const { overshoot, accuracy } = phase('healthy')
    expect(overshoot).toBeLessThanOrEqual(N * tokens)
    expect(accuracy).toBeGreaterThan(0.97)
  })

  test('save messages', () => {
    const leased = measure(leases).phase('healthy')
    const asked = measure(centralStoreOpen).phase('healthy')
    expect(leased.messagesPerCheck).toBeLessThan(0.75 * asked.messagesPerCheck)
  })

  test('keep servers within their shares while the store is away', () => {
    const { overshoot, failed } = measure(leases).phase('outage')
    expect(overshoot).toBeLessThanOrEqual(N * COMPARE_DEFAULTS.leases.tokens)
    expect(failed).toBe(0)
  })
})

describe('a hierarchy', () => {
  test('decides at once, exceeds the limit by what it has not heard of, and pays that back', () => {
    const { phase } = measure(hierarchical, { workload: flood })
    const { overshoot, p99Ms } = phase('healthy')
    const { edgeIntervalMs, regionIntervalMs } = COMPARE_DEFAULTS.hierarchy
    // Up to the top and down again.
    const staleS = (2 * (edgeIntervalMs + regionIntervalMs) + 10) / 1_000
    expect(p99Ms).toBe(0)
    expect(overshoot).toBeGreaterThan(B)
    expect(overshoot).toBeLessThanOrEqual((N - 1) * (B + R * staleS))
    expect(measure(hierarchical).phase('healthy').accuracy).toBeGreaterThan(0.99)
  })

  test('admits twice the limit in a split of two regions', () => {
    const { overshoot } = measure(hierarchical, { workload: flood }).phase('split')
    expect(overshoot / (R * 12)).toBeCloseTo(1, 0)
  })
})

describe('gossip alone', () => {
  test('exceeds the limit by no more than (N - 1)·(B + R·Δ), but by more than a burst', () => {
    const { overshoot, p99Ms } = measure(gossipOnly, { workload: flood }).phase('healthy')
    const staleS = (COMPARE_DEFAULTS.gossip.intervalMs + delay.maxMs) / 1_000
    expect(overshoot).toBeLessThanOrEqual((N - 1) * (B + R * staleS))
    expect(overshoot).toBeGreaterThan(B)
    expect(p99Ms).toBe(0)
  })

  test('does not notice the loss of a server', () => {
    expect(measure(gossipOnly).phase('outage').accuracy).toBeGreaterThan(0.98)
  })
})

describe('Weir', () => {
  test.each([weirMajority, weirShare])('($name) is exact while all is well', (architecture) => {
    const { accuracy, overshoot, wronglyRefused } = measure(architecture).phase('healthy')
    expect(accuracy).toBeGreaterThan(0.995)
    expect(overshoot).toBeLessThan(ROUNDING)
    expect(wronglyRefused).toBeLessThan(0.002)
  })

  test('answers every check while its owner is gone, and stays within a burst', () => {
    const { failed, overshoot } = measure(weirMajority).phase('outage')
    expect(failed).toBe(0)
    expect(overshoot).toBeLessThanOrEqual(B)
  })

  test('admits in a split what its policy says', () => {
    const share = measure(weirShare).phase('split')
    const majority = measure(weirMajority).phase('split')
    const unnoticed = (1 - 1 / N) * (B + R * 2) + 3 * R * 0.75
    expect(share.overshoot).toBeLessThanOrEqual(unnoticed)
    expect(majority.overshoot).toBeLessThanOrEqual(unnoticed + (R / 2) * 2)
    expect(majority.overshoot).toBeGreaterThan(share.overshoot)
    expect(share.failed).toBe(0)
  })

  test('sends messages', () => {
    expect(measure(weirShare).phase('healthy').messagesPerCheck).toBeGreaterThan(1)
  })
})

describe('the figures', () => {
  const always = (outcome: 'allowed' | 'refused' | 'failed'): Architecture => ({
    name: outcome,
    describe: '',
    inSplit: '',
    run: ({ arrivals, phases }: Scenario) => ({
      answers: arrivals.map(({ atMs }) => ({ outcome, atMs: atMs + 3 })),
      admissions: outcome === 'allowed' ? arrivals : [],
      messages: phases.map(() => 0),
    }),
  })

  test('of refusing all: nothing is accurate, and all that the limit allows is refused wrongly', () => {
    const { phase } = measure(always('refused'), { workload: flood })
    const { accuracy, overshoot, wronglyRefused, refusedWithRoom, failed, p50Ms } = phase('split')
    expect({ accuracy, overshoot, failed, p50Ms }).toEqual({
      accuracy: 0,
      overshoot: 0,
      failed: 0,
      p50Ms: 3,
    })
    expect(wronglyRefused).toBeCloseTo(R / flood.hotPerS, 2)
    expect(refusedWithRoom).toBe(1)
  })

  test('of failing all: as of refusing, and every answer is a failure', () => {
    const { wronglyRefused, failed } = measure(always('failed'), { workload: flood }).phase('split')
    expect(wronglyRefused).toBeCloseTo(R / flood.hotPerS, 2)
    expect(failed).toBe(1)
  })

  test('of allowing all: every phase shows its own excess', () => {
    const { phase } = measure(always('allowed'), { workload: flood })
    const excess = (flood.hotPerS - R) / 1_000
    // The first phase begins with an empty meter, the others with a full one.
    expect(phase('healthy').overshoot / (excess * phasesMs.healthy - B)).toBeCloseTo(1, 1)
    expect(phase('split').overshoot / (excess * phasesMs.split)).toBeCloseTo(1, 1)
    expect(phase('split').admittedOverIdeal).toBeCloseTo(flood.hotPerS / R, 0)
    expect(phase('split').wronglyRefused).toBe(0)
  })

  test('are the same again for the same seed, and others for another', () => {
    const brief = {
      phasesMs: { healthy: 500, outage: 500, recovered: 500, split: 500, healed: 500 },
    }
    const again = compare({ ...brief, seed: 7 })
    expect(compare({ ...brief, seed: 7 })).toEqual(again)
    expect(compare({ ...brief, seed: 8 }).rows).not.toEqual(again.rows)
    expect(again.series.map(({ architecture }) => architecture)).toEqual([
      IDEAL,
      ...again.summaries.map(({ architecture }) => architecture),
    ])
    expect(again.rows).toHaveLength(again.summaries.length * again.phases.length)
    expect(again.series[0]?.cumulative).toHaveLength(25)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  COUNT_MAX,
  oldestLive,
  SlicedCounters,
  type Slicing,
  sliceAt,
} from '../../crdt/sliced-counter.ts'
import { REACH, SLICING, STARTS } from '../support/sliced-state.ts'

/** What one ring means, without its memory layout: counts by slice, the newest `slices` of them. */
class ModelRing {
  readonly #slices: number
  readonly #counts = new Map<number, number>()

  constructor({ slices }: Slicing) {
    this.#slices = slices
  }

  get newest(): number | undefined {
    return this.#counts.size === 0 ? undefined : Math.max(...this.#counts.keys())
  }

  count(slice: number): number {
    return this.#counts.get(slice) ?? 0
  }

  raise(slice: number, count: number): number {
    const rise = Math.min(count, COUNT_MAX) - this.count(slice)
    if (rise <= 0 || this.#hasFallenOff(slice)) return 0
    this.#counts.set(slice, this.count(slice) + rise)
    for (const old of this.#counts.keys()) if (this.#hasFallenOff(old)) this.#counts.delete(old)
    return rise
  }

  isLive(oldest: number): boolean {
    return [...this.#counts.keys()].some((slice) => slice >= oldest)
  }

  clear(): void {
    this.#counts.clear()
  }

  #hasFallenOff(slice: number): boolean {
    return this.newest !== undefined && slice <= this.newest - this.#slices
  }
}

const RINGS = 2

const operations = fc.array(
  fc.record({
    kind: fc.constantFrom('add', 'raise', 'raise', 'add', 'clear'),
    ring: fc.nat(RINGS - 1),
    offset: fc.integer({ min: -REACH, max: REACH }),
    amount: fc.oneof(fc.nat(5), fc.constantFrom(COUNT_MAX - 2, COUNT_MAX, COUNT_MAX + 2)),
  }),
  { maxLength: 40 },
)

/** All slices that a history around `start` can touch, and a few more. */
function bandAround(start: number): number[] {
  return Array.from({ length: 4 * REACH }, (_, at) => start - 2 * REACH + at)
}

function expectSame(counters: SlicedCounters, models: readonly ModelRing[], start: number): void {
  const band = bandAround(start)
  const total = (slice: number) => models.reduce((sum, model) => sum + model.count(slice), 0)
  expect(band.map((slice) => counters.sum([...models.keys()], slice))).toEqual(band.map(total))
  for (const [ring, model] of models.entries()) {
    const counts = band.map((slice) => counters.count(ring, slice))
    expect(counts).toEqual(band.map((slice) => model.count(slice)))
    const live = band.map((oldest) => counters.isLive(ring, oldest))
    expect(live).toEqual(band.map((oldest) => model.isLive(oldest)))
    if (model.newest !== undefined) expect(counters.newest(ring, start)).toBe(model.newest)
  }
}

describe.each(STARTS)('sliced counters around slice %d', (start) => {
  it('do what plain maps of counts do', () => {
    const counters = new SlicedCounters(SLICING, RINGS)
    const runs = fc.property(operations, (steps) => {
      const models = Array.from({ length: RINGS }, () => new ModelRing(SLICING))
      for (let ring = 0; ring < RINGS; ring++) counters.clear(ring)
      for (const { kind, ring, offset, amount } of steps) {
        const model = models[ring] as ModelRing
        const slice = start + offset
        if (kind === 'clear') {
          counters.clear(ring)
          model.clear()
        } else if (kind === 'raise') {
          expect(counters.raise(ring, slice, amount)).toBe(model.raise(slice, amount))
        } else {
          const rise = model.raise(slice, model.count(slice) + amount)
          expect(counters.add(ring, slice, amount)).toBe(rise)
        }
        expectSame(counters, models, start)
      }
    })
    fc.assert(runs, { numRuns: 300 })
  })
})

describe.each(STARTS)('counts that are heard around slice %d', (start) => {
  const band = bandAround(start)

  it('end up the same whatever is doubled, lost and repeated, late or out of order', () => {
    const news = fc.array(
      fc.record({
        offset: fc.integer({ min: 0, max: REACH }),
        count: fc.integer({ min: 1, max: 9 }),
      }),
      { minLength: 1, maxLength: 20 },
    )
    const deliveries = news.chain((sent) =>
      fc.tuple(
        fc.constant(sent),
        fc.shuffledSubarray([...sent, ...sent], { minLength: sent.length }),
      ),
    )
    const runs = fc.property(deliveries, ([sent, received]) => {
      const counters = new SlicedCounters(SLICING, 2)
      for (const { offset, count } of sent) counters.raise(0, start + offset, count)
      for (const { offset, count } of received) counters.raise(1, start + offset, count)
      for (const { offset, count } of sent) counters.raise(1, start + offset, count)
      expect(band.map((slice) => counters.count(1, slice))).toEqual(
        band.map((slice) => counters.count(0, slice)),
      )
    })
    fc.assert(runs, { numRuns: 300 })
  })

  it('never lower a count while its slice is live (invariant 9)', () => {
    const steps = operations.map((all) => all.filter(({ kind }) => kind !== 'clear'))
    const runs = fc.property(steps, (all) => {
      const counters = new SlicedCounters(SLICING, RINGS)
      for (const { kind, ring, offset, amount } of all) {
        const before = band.map((slice) => counters.count(ring, slice))
        if (kind === 'add') counters.add(ring, start + offset, amount)
        else counters.raise(ring, start + offset, amount)
        const oldest = oldestLive(SLICING, counters.newest(ring, start))
        for (const [at, slice] of band.entries()) {
          if (slice < oldest) expect(counters.count(ring, slice)).toBe(0)
          else expect(counters.count(ring, slice)).toBeGreaterThanOrEqual(before[at] as number)
        }
      }
    })
    fc.assert(runs, { numRuns: 300 })
  })

  it('ignore news of slices that have fallen off', () => {
    const counters = new SlicedCounters(SLICING, 1)
    counters.add(0, start, 1)
    const fallen = start - SLICING.slices
    expect(counters.raise(0, fallen, 7)).toBe(0)
    expect(counters.add(0, fallen, 7)).toBe(0)
    expect(counters.count(0, fallen)).toBe(0)
    expect(counters.raise(0, fallen + 1, 7)).toBe(7)
    expect(counters.newest(0, start)).toBe(start)
  })

  it('keep a whole ring of slices heard newest first', () => {
    const counters = new SlicedCounters(SLICING, 1)
    for (let age = 0; age < SLICING.slices; age++) counters.raise(0, start - age, age + 1)
    const ages = Array.from({ length: SLICING.slices }, (_, age) => age)
    expect(ages.map((age) => counters.count(0, start - age))).toEqual(ages.map((age) => age + 1))
  })
})

describe('a ring', () => {
  it('stays empty when nothing is admitted', () => {
    const counters = new SlicedCounters(SLICING, 1)
    expect(counters.add(0, 100, 0)).toBe(0)
    expect(counters.raise(0, 100, 0)).toBe(0)
    expect(counters.isLive(0, 0)).toBe(false)
    counters.add(0, 10, 3)
    expect(counters.count(0, 10)).toBe(3)
  })

  it('holds no more than a word can count', () => {
    const counters = new SlicedCounters(SLICING, 1)
    expect(counters.add(0, 10, COUNT_MAX - 1)).toBe(COUNT_MAX - 1)
    expect(counters.add(0, 10, 5)).toBe(1)
    expect(counters.add(0, 10, 5)).toBe(0)
    expect(counters.count(0, 10)).toBe(COUNT_MAX)
  })

  it('leaves its neighbours in the slab alone', () => {
    const counters = new SlicedCounters(SLICING, 3)
    for (let slice = 100; slice < 120; slice++) counters.add(1, slice, 1)
    counters.add(0, 101, 4)
    counters.add(2, 102, 5)
    counters.clear(1)
    expect([counters.count(0, 101), counters.count(2, 102)]).toEqual([4, 5])
    expect([0, 1, 2].map((ring) => counters.isLive(ring, 100))).toEqual([true, false, true])
  })

  it('knows no time before 1970', () => {
    const counters = new SlicedCounters(SLICING, 2)
    expect(counters.raise(1, -1, 5)).toBe(0)
    expect([counters.count(1, -1), counters.sum([0, 1], -1), counters.count(0, 4)]).toEqual([
      0, 0, 0,
    ])
  })
})

describe('slicing', () => {
  it('gives every millisecond to exactly one slice', () => {
    expect([0, 49, 50, 99, 100].map((atMs) => sliceAt(SLICING, atMs))).toEqual([0, 0, 1, 1, 2])
  })

  it('keeps as many slices as it says', () => {
    expect(100 - oldestLive(SLICING, 100) + 1).toBe(SLICING.slices)
  })
})

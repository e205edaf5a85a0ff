import { describe, expect, test } from 'vitest'
import type { Correction } from '../../sim/corrections.ts'
import { withFewest } from '../../sim/swarm/delta-debugging.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'
import { shrink } from '../../sim/swarm/shrink.ts'
import type { Flow } from '../../sim/workload.ts'
import { SETTLED_RULE } from '../../src/limiter/settlement.ts'

describe('leaving out what a failure does not need', () => {
  const causes = Array.from({ length: 40 }, (_, index) => index)

  test.each([[[7]], [[3, 31]], [[0, 13, 39]], [[10, 11, 12, 13, 14]]])('leaves %j', (needed) => {
    const fails = (some: readonly number[]) => needed.every((cause) => some.includes(cause))
    expect(withFewest(causes, fails)).toEqual(needed)
  })

  test('leaves nothing of what is not needed at all, and all of what is', () => {
    expect(withFewest(causes, () => true)).toEqual([])
    expect(withFewest(causes, (some) => some.length === 40)).toBe(causes)
    expect(withFewest([], () => true)).toEqual([])
  })

  test('leaves a part that fails without any single one of its causes failing', () => {
    const fails = (some: readonly number[]) => some.filter((cause) => cause % 2 === 0).length >= 3
    expect(withFewest(causes, fails)).toHaveLength(3)
  })
})

describe('shrinking an experiment', () => {
  const drawn = drawExperiment(12)

  test('keeps the one fault, the one flow and the time that the failure needs', () => {
    const [needed] = drawn.faults.filter(({ type }) => type === 'pause' || type === 'kill')
    if (needed === undefined) throw new Error('the seed should draw a pause or a kill')
    const rule = drawn.workload[0]?.rule
    const smallest = shrink(
      drawn,
      ({ faults, workload, safetyMs }) =>
        faults.some(({ type }) => type === needed.type) &&
        workload.some((flow) => flow.rule === rule) &&
        safetyMs >= 2_000,
    )
    expect(smallest.faults.map(({ type }) => type)).toEqual([needed.type])
    expect(smallest.workload).toHaveLength(1)
    expect(smallest.rules.map(({ name }) => name)).toEqual([rule])
    expect(smallest.safetyMs).toBeLessThan(2_500)
    expect(smallest.network).toEqual({})
    expect(smallest.clockOffsetsMs).toBeUndefined()
  })

  test('keeps the one correction that the failure needs, and what counts settlements with it', () => {
    const flow = drawn.workload[0] as Flow
    const corrections: Correction[] = [
      { type: 'refund', oneIn: 2, afterMs: { min: 0, max: 20 } },
      { type: 'settle', oneIn: 9, afterMs: { min: 0, max: 20 }, lapsesMs: 2_500 },
    ]
    const correcting = {
      ...drawn,
      rules: [...drawn.rules, SETTLED_RULE],
      workload: [{ ...flow, corrections }],
    }
    const having = (type: Correction['type']) =>
      shrink(correcting, ({ workload }) =>
        workload.some((one) => one.corrections?.some((correction) => correction.type === type)),
      )
    expect(having('refund').workload[0]?.corrections).toEqual([corrections[0]])
    expect(having('refund').rules).not.toContainEqual(SETTLED_RULE)
    expect(having('settle').workload[0]?.corrections).toEqual([corrections[1]])
    expect(having('settle').rules).toContainEqual(SETTLED_RULE)
  })

  test('never returns what does not fail', () => {
    const fails = ({ faults, nodes }: typeof drawn) => faults.length % 2 === 1 || nodes === 5
    expect(fails(shrink(drawn, fails))).toBe(true)
  })

  test('gives up after so many tries, and returns the smallest so far', () => {
    let tries = 0
    shrink(
      drawn,
      () => {
        tries += 1
        return tries % 3 === 0
      },
      25,
    )
    expect(tries).toBe(25)
  })

  test('returns an experiment unchanged of which nothing can be left out', () => {
    expect(shrink(drawn, (smaller) => smaller === drawn)).toBe(drawn)
  })
})

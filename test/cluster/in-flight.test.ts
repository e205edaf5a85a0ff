import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InFlight } from '../../cluster/in-flight.ts'

describe('what is in flight', () => {
  it('is found by its id until it is taken', () => {
    const inFlight = new InFlight<string>()
    inFlight.add(7, 'seven')
    inFlight.add(9, 'nine')
    expect(inFlight.get(7)).toBe('seven')
    expect(inFlight.get(8)).toBeUndefined()
    expect(inFlight.take(7)).toBe('seven')
    expect(inFlight.take(7)).toBeUndefined()
    expect(inFlight.get(7)).toBeUndefined()
    expect(inFlight.size).toBe(1)
  })

  it('is not mistaken for another whose id has the same low bits', () => {
    const inFlight = new InFlight<string>()
    for (let id = 0; id < 1_000; id++) {
      inFlight.add(id, `${id}`)
      if (id > 0) inFlight.take(id)
    }
    expect(inFlight.get(0)).toBe('0')
    expect(inFlight.get(64)).toBeUndefined()
    expect(inFlight.get(-64)).toBeUndefined()
    expect(inFlight.get(2 ** 40)).toBeUndefined()
  })

  it('counts ids beyond 32 bits', () => {
    const inFlight = new InFlight<number>()
    const first = 2 ** 32 - 100
    for (let id = first; id < first + 200; id++) inFlight.add(id, id)
    for (let id = first; id < first + 200; id++) expect(inFlight.take(id)).toBe(id)
    expect(inFlight.size).toBe(0)
  })

  it('can be taken while it is gone through', () => {
    const inFlight = new InFlight<string>()
    for (const id of [1, 2, 3]) inFlight.add(id, `${id}`)
    const seen: string[] = []
    for (const [id, item] of inFlight) {
      seen.push(item)
      inFlight.take(id)
      inFlight.take(2)
    }
    expect(seen).toEqual(['1', '3'])
    expect(inFlight.size).toBe(0)
  })

  it('is what a map would hold, in the same order', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('add' as const), skip: fc.integer({ min: 1, max: 90 }) }),
      fc.record({ type: fc.constant('take' as const), ago: fc.integer({ min: 0, max: 400 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const inFlight = new InFlight<number>()
        const map = new Map<number, number>()
        let newest = 0
        for (const each of steps) {
          if (each.type === 'add') {
            newest += each.skip
            inFlight.add(newest, newest)
            map.set(newest, newest)
          } else {
            const id = newest - each.ago
            expect(inFlight.take(id)).toBe(map.get(id))
            map.delete(id)
          }
          expect(inFlight.size).toBe(map.size)
        }
        expect([...inFlight]).toEqual([...map])
      }),
    )
  })
})

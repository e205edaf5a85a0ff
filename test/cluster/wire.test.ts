import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { FRAME_BYTES_MAX } from '../../cluster/limits.ts'
import { type Decoded, decode, encode } from '../../cluster/wire.ts'
import { outsideLimits } from '../support/message-limits.ts'
import { anyMessage, messages } from '../support/messages.ts'

const kinds = Object.entries(messages)

/** What must hold of any bytes: no exception, and nothing accepted that is outside the limits. */
function judge(bytes: Uint8Array): Decoded {
  const decoded = decode(bytes)
  if (decoded.type === 'message') expect(outsideLimits(decoded.message)).toEqual([])
  return decoded
}

/** MessagePack as a careless or hostile peer would write it. */
const loose = new Packr({ useRecords: false, moreTypes: true })
const records = new Packr({ useRecords: true })
const plain = new Unpackr({ useRecords: false, mapsAsObjects: false })

/** A gossip frame with one block of counts. */
function counted(sliceMs: number[], base: number[], entries: number[]): Uint8Array {
  return packed([1, 0, 1, 1, 1, 0, [], [['n1', 1], [['rule', sliceMs, base, entries]]]])
}

/** A hand-over with one block of levels. */
function levelled(meters: number[], entries: number[]): Uint8Array {
  return packed([1, 6, [[], []], [['rule', meters, entries]], []])
}

/** One table of weights. */
function weighed(members: string[], parts: number[]): Uint8Array {
  return packed([1, 8, [[1, members, parts]]])
}

function packed(value: unknown): Uint8Array {
  return loose.pack(value)
}

describe('a message', () => {
  it.each(kinds)('of kind %s comes out as it went in', (_, kind) => {
    const property = fc.property(kind, (message) => {
      const decoded = judge(encode(message))
      expect(decoded).toEqual({ type: 'message', message })
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('does not hold on to the frame it came in', () => {
    const want = [{ rule: 'rule', bits: new Uint8Array(32).fill(7) }]
    const counts = { actors: [], blocks: [] }
    const frame = encode({ type: 'repair', round: 1, counts, want, last: true }).slice()
    const decoded = decode(frame)
    frame.fill(0)
    expect(decoded).toMatchObject({ message: { want } })
  })

  it("that is larger than a frame is the sender's defect", () => {
    const addresses = Array.from({ length: 8 }, () => 'a'.repeat(256))
    const members = Array.from({ length: 40 }, (_, index) => ({
      id: `n${index}` as never,
      name: 'n',
      incarnation: 1,
      refutation: 0,
      state: 'active' as const,
      addresses,
    }))
    expect(() => encode({ type: 'hello', view: 1, members })).toThrow(RangeError)
  })
})

describe('bytes that are no message', () => {
  it('are malformed when a message is cut short anywhere, or goes on', () => {
    const property = fc.property(
      anyMessage,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 9 }),
      (message, at, more) => {
        const frame = encode(message)
        expect(judge(frame.subarray(0, at % frame.length)).type).toBe('malformed')
        expect(judge(Buffer.concat([frame, more])).type).toBe('malformed')
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('never throw nor pass the limits, with any bits flipped', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 })
    const property = fc.property(anyMessage, flips, (message, bits) => {
      const frame = Uint8Array.from(encode(message))
      for (const [at, bit] of bits) {
        frame[at % frame.length] = (frame[at % frame.length] as number) ^ (1 << bit)
      }
      judge(frame)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it('never throw nor pass the limits, when they are random', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(7), (bytes, kind) => {
      judge(bytes)
      judge(Uint8Array.from([0x97, 1, kind, ...bytes]))
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  const claiming = (type: number) => Uint8Array.of(type, 255, 255, 255, 255)
  const deep = (levels: number) => new Uint8Array(levels).fill(0x91)
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'undecodable'],
    ['the byte that MessagePack does not use', Uint8Array.of(0xc1), 'shape'],
    ['an array nested 60,000 times', Uint8Array.from([...deep(60_000), 1]), 'undecodable'],
    ['an endless array nest', deep(60_000), 'undecodable'],
    ['an array that claims four billion items', claiming(0xdd), 'undecodable'],
    ['a map that claims four billion items', claiming(0xdf), 'undecodable'],
    ['a text that claims four billion bytes', claiming(0xdb), 'undecodable'],
    ['more than a frame', new Uint8Array(FRAME_BYTES_MAX + 1), 'oversize'],
    ['a number', packed(1), 'shape'],
    ['nil', packed(null), 'shape'],
    ['a map', packed({ 0: 1, 1: 0 }), 'shape'],
    ['an empty array', packed([]), 'version'],
    ['another version', packed([2, 1, 0, []]), 'version'],
    ['a kind that does not exist yet', packed([1, 10, 0, []]), 'version'],
    ['a kind that never will', packed([1, -1, 0, []]), 'shape'],
    ['no kind', packed([1]), 'shape'],
    ['a record', records.pack([1, 1, 0, [{ id: 'n1' }]]), 'shape'],
    ['counts without a limit', counted([], [], []), 'shape'],
    ['counts of fewer slicings than limits', counted([125], [1, 2], []), 'shape'],
    ['counts of an actor that is not named', counted([125], [1], [1, 2, 1, 0, 0]), 'shape'],
    ['counts that are cut short', counted([125], [1], [1, 2, 0, 0, 2, 7]), 'shape'],
    ['levels without a limit', levelled([], []), 'shape'],
    ['levels of a meter that is cut short', levelled([10, 1], []), 'shape'],
    ['levels that are cut short', levelled([10, 1, 1_000], [1, 2, 3]), 'shape'],
    ['levels of a hash beyond its word', levelled([10, 1, 1_000], [1, 2 ** 32, 3, 4]), 'shape'],
    ['a negative level', levelled([10, 1, 1_000], [1, 2, -3, 4]), 'shape'],
    ['a level that is no whole number', levelled([10, 1, 1_000], [1, 2, 3.5, 4]), 'shape'],
    ['weights without members', weighed([], [500]), 'shape'],
    ['a weight below the floor', weighed(['n1', 'n2'], [1_801, 199]), 'shape'],
    ['weights of more than there is', weighed(['n1', 'n2'], [1_800, 201]), 'shape'],
    ['weights of one member twice', weighed(['n1', 'n1'], [1_000, 1_000]), 'shape'],
    [
      'more tables of weights than a node holds',
      packed([1, 8, Array(5).fill([0, [], []])]),
      'shape',
    ],
    ['text for a number', packed([1, 1, '0', []]), 'shape'],
  ])('are malformed: %s', (_, bytes, reason) => {
    expect(judge(bytes)).toEqual({ type: 'malformed', reason })
  })
})

/** Values that no honest peer puts into any field. */
const hostile: readonly unknown[] = [
  -1,
  -0.5,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  2n ** 63n,
  -(2n ** 60n),
  new Date(0),
  new Set([1]),
  new Map([['__proto__', 1]]),
  { __proto__: null, constructor: 1 },
  null,
  undefined,
  '',
  'x'.repeat(300),
  [[[]]],
  new Uint8Array(31),
  new Float64Array(4),
  new Error('x'),
  /x/,
]

/** A copy with one value, wherever it is, put in the place of another. */
function replaced(value: unknown, at: number, by: unknown): unknown {
  let left = at % sizeOf(value)
  const walk = (field: unknown): unknown => {
    if (left-- === 0) return by
    return Array.isArray(field) ? field.map(walk) : field
  }
  return walk(value)
}

function arraysIn(value: unknown): unknown[][] {
  return Array.isArray(value) ? [value, ...value.flatMap(arraysIn)] : []
}

/** Whether one number more could be one more of the same. */
function isList(value: readonly unknown[]): boolean {
  return value.length > 0 && value.every((field) => typeof field === 'number')
}

function sizeOf(value: unknown): number {
  return Array.isArray(value) ? value.reduce<number>((sum, field) => sum + sizeOf(field), 1) : 1
}

describe('a field of a message', () => {
  it('that is of another type or range makes the message malformed', () => {
    const property = fc.property(
      anyMessage,
      fc.nat(),
      fc.constantFrom(...hostile),
      (message, at, value) => {
        const fields = plain.unpack(encode(message))
        const decoded = judge(packed(replaced(fields, at, value)))
        expect(decoded.type).toBe('malformed')
      },
    )
    fc.assert(property, { numRuns: 2_000 })
  })

  it('that is not expected at the end of any of its arrays makes it malformed', () => {
    const property = fc.property(anyMessage, fc.nat(), (message, at) => {
      const fields = plain.unpack(encode(message))
      const lists = arraysIn(fields).filter((list) => !isList(list))
      lists[at % lists.length]?.push(0)
      expect(judge(packed(fields)).type).toBe('malformed')
    })
    fc.assert(property, { numRuns: 500 })
  })

  it('has no field for leases where there are none, as before there were any', () => {
    const check = { id: 1, action: 'check', rule: 'rule', hashHi: 1, hashLo: 2, cost: 1, hops: 1 }
    const counts = { actors: [], blocks: [] }
    const forward = (wanted?: number) => ({
      type: 'forward' as const,
      sentMs: 1,
      view: 1,
      checks: [{ ...check, action: 'check' as const, ...(wanted !== undefined && { wanted }) }],
      counts,
    })
    expect(plain.unpack(encode(forward()))).toHaveLength(7)
    expect(plain.unpack(encode(forward(20)))).toHaveLength(8)
    const ofNoCheck = packed([1, 2, 1, 1, ['rule'], [1, 0, 1, 2, 1, 1, 0], [[], []], [1, 20]])
    expect(judge(ofNoCheck)).toEqual({ type: 'malformed', reason: 'shape' })
  })

  it('may be named like a property of every object, and is ordinary', () => {
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      const action = 'check' as const
      const check = { id: 1, action, rule: name, hashHi: 1, hashLo: 2, cost: 1, hops: 1 }
      const actors = [{ node: name as never, incarnation: 1 }]
      const counts = { actors, blocks: [] }
      const message = { type: 'forward', sentMs: 1, view: 1, checks: [check], counts } as const
      expect(decode(encode(message))).toEqual({ type: 'message', message })
    }
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

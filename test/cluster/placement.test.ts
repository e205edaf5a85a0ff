import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Placement } from '../../cluster/placement.ts'
import { seededRandom } from '../../cluster/random.ts'
import { VNODES } from '../../cluster/ring-points.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const KEYS = 10_000

const idSets: Readonly<Record<string, (index: number) => string>> = {
  'short names': (index) => `n${index + 1}`,
  'peer ids': (index) => `12D3KooW${createHash('sha256').update(`${index}`).digest('base64url')}`,
  addresses: (index) => `10.0.${index}.17:4001`,
  'host names': (index) => `weir-${index}.weir.default.svc.cluster.local`,
}

function members(count: number, idAt: (index: number) => string): NodeId[] {
  return Array.from({ length: count }, (_, index) => idAt(index) as NodeId)
}

function hashes(seed: number, count = KEYS): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random.below(2 ** 32))
}

/** The ring drawn and walked by hand: four little-endian words of each digest are points. */
function slowPreference(ids: readonly NodeId[], hash: number): NodeId[] {
  const points = ids.flatMap((id) =>
    Array.from({ length: VNODES }, (_, vnode) => {
      const digest = createHash('md5').update(`@${id}-${vnode}`).digest()
      return [0, 4, 8, 12].map((at) => ({ id, position: digest.readUInt32LE(at) }))
    }).flat(),
  )
  points.sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
  const after = points.filter(({ position }) => position >= hash)
  return [...new Set([...after, ...points].map(({ id }) => id))]
}

const nodeIds = fc.uniqueArray(
  fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', '0', '1', '42', 'a:1', 'b:weight'),
  ),
  { minLength: 1, maxLength: 8 },
) as fc.Arbitrary<string[]> as fc.Arbitrary<NodeId[]>
const anyHash = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 0xffff_ffff))

describe('a placement', () => {
  it.each<[string[], number, string[]]>([
    // members, hash, the members in order of preference
    [['n1'], 0, ['n1']],
    [['n1', 'n2', 'n3'], 0, ['n1', 'n3', 'n2']],
    [['n1', 'n2', 'n3'], 305419896, ['n2', 'n1', 'n3']],
    [['n1', 'n2', 'n3'], 4294967295, ['n1', 'n3', 'n2']],
    [['n1', 'n2', 'n3', 'n4', 'n5'], 1234567890, ['n3', 'n5', 'n2', 'n4', 'n1']],
    [['__proto__', 'a', '42'], 3735928559, ['a', '__proto__', '42']],
    [['ü', '😀'], 2147483648, ['😀', 'ü']],
  ])('of %j puts the key %d on %j, in this and every later version', (ids, hash, expected) => {
    expect(new Placement(ids as NodeId[]).preference(hash, 9)).toEqual(expected)
    expect(new Placement(ids as NodeId[]).owner(hash)).toBe(expected[0])
  })

  it('agrees with a ring drawn and walked by hand, whichever was drawn before it', () => {
    const sets = fc.array(nodeIds, { minLength: 1, maxLength: 4 })
    const property = fc.property(sets, fc.array(anyHash, { maxLength: 10 }), (members, keys) => {
      for (const ids of members) {
        const placement = new Placement(ids)
        for (const hash of keys) {
          const expected = slowPreference(ids, hash)
          expect(placement.preference(hash, ids.length)).toEqual(expected)
          expect(placement.owner(hash)).toBe(expected[0])
        }
      }
    })
    fc.assert(property, { numRuns: 30 })
  })

  it('is the same whatever order its members come in, and however often', () => {
    const property = fc.property(nodeIds, anyHash, (ids, hash) => {
      const one = new Placement(ids)
      const other = new Placement([...ids].reverse().flatMap((id) => [id, id]))
      expect(other.view).toBe(one.view)
      expect(other.members).toEqual(one.members)
      expect(other.preference(hash, 9)).toEqual(one.preference(hash, 9))
    })
    fc.assert(property, { numRuns: 30 })
  })

  it('prefers distinct members, the owner first, and no more than there are', () => {
    const property = fc.property(nodeIds, anyHash, fc.nat(12), (ids, hash, count) => {
      const placement = new Placement(ids)
      const list = placement.preference(hash, count)
      expect(list).toHaveLength(Math.min(count, ids.length))
      expect(new Set(list).size).toBe(list.length)
      expect(list.every((id) => placement.has(id))).toBe(true)
      if (count > 0) expect(list[0]).toBe(placement.owner(hash))
    })
    fc.assert(property, { numRuns: 30 })
  })

  it('of nobody owns nothing', () => {
    const nobody = new Placement([])
    expect(nobody.view).toBe(0)
    expect(nobody.owner(7)).toBeUndefined()
    expect(nobody.preference(7, 3)).toEqual([])
  })

  it('gives another view to other members', () => {
    const views = [['n1'], ['n2'], ['n1', 'n2'], ['n1', 'n2', 'n3'], ['n1n2']].map(
      (ids) => new Placement(ids as NodeId[]).view,
    )
    expect(new Set(views).size).toBe(views.length)
    expect(views).not.toContain(0)
  })

  it('takes names of object properties for names, and leaves all objects as they are', () => {
    const odd = ['__proto__', 'constructor', 'hasOwnProperty', 'valueOf'] as NodeId[]
    const placement = new Placement(odd)
    const owners = new Set(hashes(1, 1_000).map((hash) => placement.owner(hash)))
    expect([...owners].sort()).toEqual([...odd].sort())
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { vnodes?: unknown }).vnodes).toBeUndefined()
  })
})

describe.each(Object.entries(idSets))('keys among nodes with %s', (_, idAt) => {
  it.each([3, 5, 10])('are spread within 15 %% of even over %d nodes', (count) => {
    const placement = new Placement(members(count, idAt))
    const held = new Map<NodeId, number>()
    for (const hash of hashes(count)) {
      const owner = placement.owner(hash) as NodeId
      held.set(owner, (held.get(owner) ?? 0) + 1)
    }
    for (const id of placement.members) {
      expect(((held.get(id) ?? 0) * count) / KEYS).toBeGreaterThan(0.85)
      expect(((held.get(id) ?? 0) * count) / KEYS).toBeLessThan(1.15)
    }
  })

  it.each([2, 5, 9, 48])(
    'move only to a node that joins %d others, and a fair share of them',
    (count) => {
      const before = new Placement(members(count, idAt))
      const after = new Placement(members(count + 1, idAt))
      const joined = idAt(count)
      const moved = hashes(count).filter((hash) => before.owner(hash) !== after.owner(hash))
      expect(moved.every((hash) => after.owner(hash) === joined)).toBe(true)
      expect((moved.length * (count + 1)) / KEYS).toBeGreaterThan(0.75)
      expect((moved.length * (count + 1)) / KEYS).toBeLessThan(1.25)
    },
  )

  it('move from a node that leaves to the next in preference, and no others move', () => {
    const all = members(5, idAt)
    const [left] = all
    const before = new Placement(all)
    const after = new Placement(all.slice(1))
    for (const hash of hashes(5, 2_000)) {
      const [owner, next] = before.preference(hash, 2)
      expect(after.owner(hash)).toBe(owner === left ? next : owner)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { type LwwMap, LwwMapLattice, lwwEntries, lwwGet, type Stamp } from '../../crdt/lww-map.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const maps = new LwwMapLattice<string>((a, b) => (a < b ? -1 : a > b ? 1 : 0))

function stamp(wallMs: number, node = 'a', logical = 0): Stamp {
  return { timestamp: { wallMs, logical }, node: node as NodeId }
}

function set(value: string, at: Stamp, map: LwwMap<string> = maps.bottom()): LwwMap<string> {
  return maps.set(map, 'k', value, at)
}

describe('a last-writer-wins map', () => {
  it('keeps the later write, whichever arrives first', () => {
    const old = set('old', stamp(1))
    const young = set('young', stamp(2))
    expect(lwwGet(maps.merge(old, young), 'k')).toBe('young')
    expect(lwwGet(maps.merge(young, old), 'k')).toBe('young')
  })

  it('orders writes of one millisecond by the counter, then by the node', () => {
    expect(lwwGet(set('second', stamp(1, 'a', 1), set('first', stamp(1, 'z', 0))), 'k')).toBe(
      'second',
    )
    expect(lwwGet(set('9', stamp(1, 'b'), set('1', stamp(1, 'c'))), 'k')).toBe('1')
  })

  it('does not let an older write bring back what was deleted', () => {
    const deleted = maps.delete(set('v', stamp(1)), 'k', stamp(3))
    expect(lwwGet(set('late', stamp(2), deleted), 'k')).toBeUndefined()
    expect(lwwEntries(set('late', stamp(2), deleted))).toEqual([])
    expect(lwwGet(set('again', stamp(4), deleted), 'k')).toBe('again')
  })

  it('agrees even on two values under one stamp, and lets a deletion win over them', () => {
    const x = set('x', stamp(1))
    const y = set('y', stamp(1))
    expect(maps.equals(maps.merge(x, y), maps.merge(y, x))).toBe(true)
    expect(maps.equals(x, y)).toBe(false)
    const gone = maps.delete(maps.bottom(), 'k', stamp(1))
    expect(lwwGet(maps.merge(x, gone), 'k')).toBeUndefined()
    expect(lwwGet(maps.merge(gone, x), 'k')).toBeUndefined()
  })

  it('takes the names of prototype members for ordinary keys', () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf']
    const empty = maps.bottom()
    expect(names.map((name) => lwwGet(empty, name))).toEqual(names.map(() => undefined))
    const full = names.reduce((map, name) => maps.set(map, name, `is ${name}`, stamp(1)), empty)
    expect(lwwEntries(full)).toEqual(names.map((name) => [name, `is ${name}`]))
  })

  it('lists its entries in one order, however it came to hold them', () => {
    const a = maps.set(maps.bottom(), 'a', '1', stamp(1))
    const b = maps.set(maps.bottom(), 'b', '2', stamp(2))
    expect(lwwEntries(maps.merge(b, a))).toEqual(lwwEntries(maps.merge(a, b)))
  })

  it('changes no map that it was given', () => {
    const before = set('old', stamp(1))
    const other = set('new', stamp(2))
    maps.merge(before, other)
    maps.delete(before, 'k', stamp(3))
    expect(lwwGet(before, 'k')).toBe('old')
    expect(lwwGet(other, 'k')).toBe('new')
  })
})

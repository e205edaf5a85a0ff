import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ACTING, DIRTY, KEY, KeyTable, NO_ROW } from '../../src/limiter/key-table.ts'

const ROWS_MAX = 12

/** Few words, so that keys share their low word, and slots, and run over the end of the index. */
const words = fc.constantFrom(0, 1, 2, 30, 31, 32, 63, 0xffff_ffff)
const keys = fc.record({ hi: fc.constantFrom(0, 1, 0xffff_ffff), lo: words })
const actors = fc.nat(4)

type Operation =
  | { readonly type: 'insert' | 'remove'; readonly key: Key }
  | { readonly type: 'chain'; readonly key: Key; readonly actor: number }
  | { readonly type: 'unchain'; readonly key: Key; readonly nth: number }

interface Key {
  readonly hi: number
  readonly lo: number
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constantFrom('insert' as const, 'remove' as const), key: keys }),
  fc.record({ type: fc.constant('chain' as const), key: keys, actor: actors }),
  fc.record({ type: fc.constant('unchain' as const), key: keys, nth: fc.nat(4) }),
)

/** The table, and beside it a plain map of each key to the actors of its chain. */
class Modelled {
  readonly table = new KeyTable(ROWS_MAX)
  readonly chains = new Map<string, number[]>()

  get rowsUsed(): number {
    return [...this.chains.values()].reduce((sum, chain) => sum + chain.length, 0)
  }

  apply(operation: Operation): void {
    const { hi, lo } = operation.key
    const name = nameOf(operation.key)
    const chain = this.chains.get(name)
    const row = this.table.find(hi, lo)
    switch (operation.type) {
      case 'insert': {
        if (chain !== undefined) return
        const isFull = this.rowsUsed === ROWS_MAX
        expect(this.table.insert(hi, lo, 0) === NO_ROW).toBe(isFull)
        if (!isFull) this.chains.set(name, [0])
        return
      }
      case 'chain': {
        if (chain === undefined || chain.includes(operation.actor)) return
        const isFull = this.rowsUsed === ROWS_MAX
        expect(this.table.chain(row, operation.actor) === NO_ROW).toBe(isFull)
        if (!isFull) chain.push(operation.actor)
        return
      }
      case 'unchain': {
        const gone = chain?.[1 + operation.nth]
        if (chain === undefined || gone === undefined) return
        let before = row
        while (this.table.actor(this.table.next(before)) !== gone) before = this.table.next(before)
        this.table.unchainAfter(before)
        chain.splice(chain.indexOf(gone), 1)
        return
      }
      case 'remove':
        if (chain === undefined) return
        while (this.table.next(row) !== NO_ROW) this.table.unchainAfter(row)
        this.table.remove(row)
        this.chains.delete(name)
    }
  }

  agrees(universe: readonly Key[]): void {
    expect(this.table.keys).toBe(this.chains.size)
    expect(this.table.rows).toBe(this.rowsUsed)
    const taken = new Set<number>()
    for (const key of universe) {
      const head = this.table.find(key.hi, key.lo)
      const chain = this.chains.get(nameOf(key))
      expect(head !== NO_ROW).toBe(chain !== undefined)
      const held: number[] = []
      for (let row = head; row !== NO_ROW; row = this.table.next(row)) {
        expect(row).toBeLessThan(this.table.rowsSeen)
        expect(taken.has(row)).toBe(false)
        taken.add(row)
        expect([this.table.hi(row), this.table.lo(row)]).toEqual([key.hi, key.lo])
        expect(this.table.isMarked(row, KEY)).toBe(row === head)
        expect(this.table.rowOf(head, this.table.actor(row))).toBe(row)
        held.push(this.table.actor(row))
      }
      expect(held.sort()).toEqual([...(chain ?? [])].sort())
    }
    expect(this.table.rowsSeen).toBeLessThanOrEqual(ROWS_MAX)
  }
}

function nameOf({ hi, lo }: Key): string {
  return `${hi}/${lo}`
}

describe('the table of keys', () => {
  it('holds what a map of chains holds, whatever collides', () => {
    const property = fc.property(fc.array(operations, { maxLength: 80 }), (steps) => {
      const modelled = new Modelled()
      const universe = new Map(steps.map(({ key }) => [nameOf(key), key]))
      for (const operation of steps) {
        modelled.apply(operation)
        modelled.agrees([...universe.values()])
      }
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('finds every key while it is full, and not one more', () => {
    const table = new KeyTable(ROWS_MAX)
    for (let lo = 0; lo < ROWS_MAX; lo++) expect(table.insert(7, lo * 32, 0)).not.toBe(NO_ROW)
    expect(table.insert(7, 1, 0)).toBe(NO_ROW)
    expect(table.chain(table.find(7, 0), 1)).toBe(NO_ROW)
    for (let lo = 0; lo < ROWS_MAX; lo++) expect(table.find(7, lo * 32)).not.toBe(NO_ROW)
    expect(table.find(8, 0)).toBe(NO_ROW)
  })

  it('gives a row back without its marks and its chain', () => {
    const table = new KeyTable(1)
    const row = table.insert(1, 1, 3)
    table.mark(row, ACTING | DIRTY)
    table.remove(row)
    expect(table.insert(2, 2, 4)).toBe(row)
    expect(table.isMarked(row, ACTING | DIRTY)).toBe(false)
    expect([table.next(row), table.actor(row)]).toEqual([NO_ROW, 4])
  })

  it('unmarks one mark and leaves the others', () => {
    const table = new KeyTable(1)
    const row = table.insert(1, 1, 0)
    table.mark(row, ACTING)
    table.mark(row, DIRTY)
    table.unmark(row, ACTING)
    expect([KEY, ACTING, DIRTY].map((mark) => table.isMarked(row, mark))).toEqual([
      true,
      false,
      true,
    ])
  })
})

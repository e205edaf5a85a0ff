import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Accuracy, Share } from '../../bench/peers/accuracy.ts'
import { PEERS } from '../../bench/peers/all.ts'
import {
  acceptedShare,
  failures,
  ideal,
  largestShare,
  outcomeOf,
  turnOf,
} from '../../bench/peers/offer.ts'
import type { Peer } from '../../bench/peers/peer.ts'
import { pictureOf } from '../../bench/peers/picture.ts'
import type { Speed } from '../../bench/peers/speed.ts'
import { type Finding, tableOf } from '../../bench/peers/table.ts'
import { weir } from '../../bench/peers/weir.ts'
import { markedPart } from '../../sim/command/marked-part.ts'

const LIMIT = { perSecond: 12, burst: 12 }

describe('what is offered', () => {
  test('asks each key of every instance, however many there are of both', () => {
    for (const [keys, instances] of [
      [8, 1],
      [8, 2],
      [9, 3],
    ] as const) {
      const asked = Array.from({ length: keys * instances }, (_, request) => {
        const { key, at } = turnOf(request, keys, instances)
        return `${key} of ${at}`
      })
      expect(new Set(asked).size).toBe(keys * instances)
    }
  })

  test('is allowed with 2xx, refused with 429, and has failed with all else', () => {
    expect([200, 204, 429, 500, 503, 403, 0].map(outcomeOf)).toEqual([
      'allowed',
      'allowed',
      'refused',
      'failed',
      'failed',
      'failed',
      'failed',
    ])
  })
})

describe('accepted ÷ limit', () => {
  const key = (allowed: number, failed = 0) => ({ allowed, refused: 100, failed })

  test('is against a full bucket and what flows into it, in whole tokens', () => {
    expect(ideal(LIMIT, 5_300)).toBe(75)
  })

  test('is of all keys, and of the one that had most', () => {
    const offered = [key(75), key(150), key(75)]
    expect(acceptedShare(offered, LIMIT, 5_300)).toBeCloseTo(4 / 3)
    expect(largestShare(offered, LIMIT, 5_300)).toBe(2)
  })

  test('leaves out what failed, which is counted by itself', () => {
    const offered = [key(75, 3), key(75, 4)]
    expect(acceptedShare(offered, LIMIT, 5_300)).toBe(1)
    expect(failures(offered)).toBe(7)
  })
})

const share = (all: number, { largest = all, failed = 0 } = {}): Share => ({ all, largest, failed })

const ACCURACY: Accuracy = {
  one: [share(0.99), share(1), share(1)],
  three: [share(1), share(1), share(1.01)],
  killed: [share(1, { largest: 1.2 }), share(1.1, { failed: 4 }), share(1.04, { failed: 1 })],
  killedWhat: 'instance',
}

function speedOf(peer: string, perCore: number): Speed {
  return {
    ...{ peer, title: peer, isCpuKnown: true },
    own: [perCore, 2 * perCore, perCore],
    all: [perCore / 2, perCore, perCore / 2],
    p50Us: [200, 180, 210],
    p99Us: [900, 1_000, 1_100],
  }
}

const other: Peer = { ...weir, name: 'other', title: 'Other' }

const FINDINGS: readonly Finding[] = [
  { peer: weir, speeds: [speedOf('weir', 20_000)], accuracy: ACCURACY, skipped: undefined },
  {
    ...{ peer: other, skipped: undefined },
    speeds: [{ ...speedOf('other', 10_000), isCpuKnown: false }],
    accuracy: {
      ...{ one: [share(1)], three: [share(3, { failed: 2 })], killedWhat: 'store' },
      killed: [share(0.5, { failed: 1_234 })],
    },
  },
  { peer: { ...weir, title: 'Gone' }, speeds: [], accuracy: undefined, skipped: 'no such program' },
]

describe('the table', () => {
  const rows = tableOf(FINDINGS)
  const cells = (row = '') => row.split('|').map((cell) => cell.trim())

  test('has medians, ratios to the first row by rounds, and the most that failed', () => {
    expect(cells(rows[2]).slice(1, -1)).toEqual([
      ...['weir', '20,000 (1.00×)', '10,000 (1.00×)', '0.2 ms', '1 ms'],
      ...['1.00', '1.00', '1.04, a key 1.20 (instance)', '4'],
    ])
  })

  test('says what failed without a kill, and where the processor time of others is not known', () => {
    expect(cells(rows[3]).slice(1, -1)).toEqual([
      ...['other', '10,000 (0.50×)', 'unknown', '0.2 ms', '1 ms'],
      ...['1.00', '3.00', '0.50 (store)', '1,234, 2 without a kill'],
    ])
  })

  test('has a row with the reason for whoever was skipped, and as many cells in each', () => {
    expect(rows[4]).toContain('Gone (skipped: no such program)')
    expect(new Set(rows.map((row) => cells(row).length)).size).toBe(1)
  })
})

test('the picture names everybody who was measured', async () => {
  const svg = await pictureOf(FINDINGS)
  expect(svg).toContain('>weir<')
  expect(svg).toContain('>other<')
  expect(svg).not.toContain('Gone')
})

describe('docs/benchmarks.md', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/benchmarks.md'), 'utf8')
  const { part, after } = markedPart(text, 'peers')

  test.each(PEERS.map(({ title }) => title))('says how %s is set, and has its row', (title) => {
    expect(after).toContain(`**${title.replace(', auto-pipelining', '')}.**`)
    expect(part).toContain(`| ${title}`)
  })
})

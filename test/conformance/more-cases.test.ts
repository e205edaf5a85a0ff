import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { play } from './play.ts'
import type { Case } from './world.ts'

// What the rules' reference promises at the very edges: of calendars, windows, debts, refunds and changes. The numbers
// are reckoned by hand.

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('more-cases.json', import.meta.url), 'utf8'),
)

describe('cases of the edges', () => {
  test.each(cases)('$id', play)
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DEVIATIONS } from './deviations.ts'
import { play } from './play.ts'
import type { Case } from './world.ts'

// Behaviour recorded from the tests of other limiters, asked of Weir over HTTP. Where Weir decides otherwise on
// purpose, the case is listed with the reason in `deviations.ts` and in docs/guarantees.md.

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('cases.json', import.meta.url), 'utf8'),
)

/** Six nodes on a busy machine take their time to find each other. */
const CLUSTER_UP_MS = 60_000

describe('cases of other limiters', () => {
  test.each(cases.filter(({ id }) => !DEVIATIONS.has(id)))('$id', play, CLUSTER_UP_MS)

  test('are not listed as deviations without being any of these', () => {
    const ids = new Set(cases.map(({ id }) => id))
    expect([...DEVIATIONS.keys()].filter((id) => !ids.has(id))).toEqual([])
  })

  test.each([...DEVIATIONS])('%s is listed in the guarantees, with its reason', (id, reason) => {
    const text = readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8')
    expect(text).toContain(`| \`${id}\` | ${reason} |`)
  })
})

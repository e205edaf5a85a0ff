import { describe, expect, test } from 'vitest'
import { detectionOf, falseDeaths } from './detection.ts'
import { type Incident, Incidents } from './incidents.ts'
import type { MemberLine } from './log-lines.ts'

const killed: Incident = { type: 'killed', name: 'a', atMs: 1_000, undoneMs: 9_000, untilMs: 9_500 }
const names = ['a', 'b', 'c']

function line(observer: string, subject: string, state: string, atMs: number): MemberLine {
  return { observer, subject, state, atMs }
}

describe('what the others notice', () => {
  test('is when each of them first held a killed node dead', () => {
    const lines = [
      line('b', 'a', 'dead', 400),
      line('b', 'a', 'suspect', 1_010),
      line('b', 'a', 'dead', 1_040),
      line('b', 'a', 'dead', 1_090),
      line('c', 'b', 'dead', 1_020),
    ]
    const { noticed, unnoticed } = detectionOf(names, [killed], lines)
    expect(noticed).toEqual([{ what: 'killed', observer: 'b', subject: 'a', tookMs: 40 }])
    expect(unnoticed).toEqual(['c has not noticed that a was killed'])
  })

  test('is nothing that must be, when it did not last', () => {
    const stopped: Incident = { ...killed, type: 'stopped', undoneMs: 2_000 }
    expect(detectionOf(names, [stopped], [])).toEqual({ noticed: [], unnoticed: [] })
  })

  test('is not asked of nodes that are hurt themselves', () => {
    const both = [killed, { ...killed, name: 'b' }]
    const { unnoticed } = detectionOf(names, both, [])
    expect(unnoticed).toEqual(
      names.slice(0, 2).map((it) => `c has not noticed that ${it} was killed`),
    )
  })
})

describe('a false death', () => {
  const dead = (observer: string, subject: string) => line(observer, subject, 'dead', Date.now())

  test('is that of a node that was not hurt', () => {
    const incidents = new Incidents()
    incidents.begin({ type: 'killed', name: 'a' })
    expect(falseDeaths(incidents, [dead('b', 'a')])).toEqual([])
    expect(falseDeaths(incidents, [dead('b', 'c')])).toHaveLength(1)
  })

  test('is said by nodes that wake, but not by those that are cut off', () => {
    const incidents = new Incidents()
    incidents.begin({ type: 'stopped', name: 'a' })
    expect(falseDeaths(incidents, [dead('a', 'b')])).toHaveLength(1)
    incidents.begin({ type: 'cut off', name: 'c' })
    expect(falseDeaths(incidents, [dead('c', 'b')])).toEqual([])
  })

  test('may be a rumour from across a cut, if it is soon denied', () => {
    const incidents = new Incidents()
    incidents.begin({ type: 'cut off', name: 'c' })
    const atMs = Date.now()
    const rumour = line('a', 'b', 'dead', atMs)
    expect(falseDeaths(incidents, [rumour])).toHaveLength(1)
    expect(falseDeaths(incidents, [rumour, line('a', 'b', 'active', atMs + 900)])).toEqual([])
    expect(falseDeaths(incidents, [rumour, line('a', 'b', 'active', atMs + 2_100)])).toHaveLength(1)
  })
})

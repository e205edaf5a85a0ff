import { describe, expect, it } from 'vitest'
import { devAnnouncement, devScreen } from '../../src/cli/dev-screen.ts'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { parseRules } from '../../src/rules/load.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

const rules = parseRules(DEMO_RULES, 'demo').coreRules

function nodes(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    http: [`http://127.0.0.1:${8001 + i}`],
    admin: `http://127.0.0.1:${9001 + i}`,
    peer: [],
    pid: 101 + i,
  }))
}

describe('what weir dev announces', () => {
  it('is where the nodes answer, and the rules in tokens per second', () => {
    expect(devAnnouncement(nodes(2), rules)).toEqual({
      nodes: [
        { name: 'n1', http: 'http://127.0.0.1:8001', admin: 'http://127.0.0.1:9001', pid: 101 },
        { name: 'n2', http: 'http://127.0.0.1:8002', admin: 'http://127.0.0.1:9002', pid: 102 },
      ],
      rules: [
        { name: 'demo', rate: 100, burst: 100 },
        { name: 'login', rate: 5 / 60, burst: 5 },
      ],
    })
  })

  it.each([1, 2, 3, 5])('is three checks to copy, at %i nodes', (count) => {
    const screen = devScreen(devAnnouncement(nodes(count), rules), rules, new RecordedTerminal())
    const text = screen.join('\n')
    expect(text.match(/curl .*\/v1\/(check|gate)/g)).toHaveLength(3)
    expect(text).toContain('"login" is 5/m, at most 5 at once')
    expect(text).toContain('{"allowed":true, ... "remaining":4 ...')
    expect(text).toContain('cost=4')
    expect(text).toContain(`kill -9 ${100 + count}`)
    expect(text).not.toContain('undefined')
  })
})

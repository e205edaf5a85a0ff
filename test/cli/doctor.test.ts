import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DOCTOR_CHECKS, examine } from '../../src/cli/doctor-checks.ts'
import { run } from '../../src/cli/program.ts'
import { createNode, type MemberReport, type NodeStatus, type WeirNode } from '../../src/index.ts'
import { until } from '../support/libp2p-transports.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

const SETTINGS = { rules: 'abc', gossipIntervalMs: 500, fanout: 3 }
const SELF: MemberReport = {
  id: 'id-1',
  name: 'n1',
  state: 'active',
  incarnation: 1,
  self: true,
  linked: false,
  heardMsAgo: 0,
  addresses: [],
  view: 7,
  clockOffsetMs: 0,
  settings: SETTINGS,
}
const PEER = { ...SELF, id: 'id-2', name: 'n2', self: false, linked: true, heardMsAgo: 400 }

const WELL: NodeStatus = {
  node: 'n1',
  id: 'id-1',
  ready: true,
  state: 'active',
  rules: { version: 'abc', refused: null },
  keys: { rule: 'demo', rows: 799, rowsMax: 1_000 },
  lagMs: 150,
  partition: { reached: 2, members: 2 },
  view: 7,
  settings: SETTINGS,
  members: [SELF, PEER],
}

const ILL: [check: string, result: 'warn' | 'fail', told: string, change: Partial<NodeStatus>][] = [
  ['ready', 'warn', 'n1 is joining', { ready: false, state: 'joining' }],
  ['ready', 'fail', 'n1 is leaving', { ready: false, state: 'leaving' }],
  [
    'reload',
    'fail',
    'refused: no such rate',
    { rules: { version: 'abc', refused: 'no such rate' } },
  ],
  ['rules', 'fail', 'than here (abc): n2 xyz', peer({ settings: { ...SETTINGS, rules: 'xyz' } })],
  ['rules', 'warn', 'not told which rules they enforce: n2', peer({ settings: null })],
  ['members', 'fail', 'n2 is dead', peer({ state: 'dead', linked: false })],
  ['members', 'fail', 'n2 is suspect', peer({ state: 'suspect' })],
  ['members', 'fail', 'not linked: n2', peer({ linked: false })],
  ['members', 'warn', 'joining: n2', peer({ state: 'joining' })],
  ['heard', 'warn', 'n2 1.5 s ago', peer({ heardMsAgo: 1_501 })],
  ['heard', 'warn', 'n2 never', peer({ heardMsAgo: null })],
  ['views', 'warn', 'another ring than here is seen by n2', peer({ view: 8 })],
  ['clocks', 'warn', 'n2 +251 ms', peer({ clockOffsetMs: 251 })],
  ['clocks', 'fail', 'n2 -1001 ms', peer({ clockOffsetMs: -1_001 })],
  [
    'keys',
    'warn',
    '80 % of the table of demo',
    { keys: { rule: 'demo', rows: 800, rowsMax: 1_000 } },
  ],
  ['event-loop', 'warn', '151 ms late', { lagMs: 151 }],
  ['event-loop', 'fail', '501 ms late', { lagMs: 501 }],
  ['partition', 'fail', '2 of 3 members', { partition: { reached: 2, members: 3 } }],
  ['gossip', 'fail', 'n2 500 ms, 4', peer({ settings: { ...SETTINGS, fanout: 4 } })],
  ['gossip', 'fail', 'n2 501 ms, 3', peer({ settings: { ...SETTINGS, gossipIntervalMs: 501 } })],
]

function peer(change: Partial<MemberReport>): Partial<NodeStatus> {
  return { members: [SELF, { ...PEER, ...change }] }
}

describe('the checks of weir doctor', () => {
  it('all pass when all is well, and have nothing to mend', () => {
    for (const finding of examine(WELL)) {
      expect(finding.result, finding.check).toBe('pass')
      expect(finding).not.toHaveProperty('mend')
    }
  })

  it('all pass for a node that is alone on purpose', () => {
    const alone = { ...WELL, settings: null, keys: null, members: [{ ...SELF, settings: null }] }
    expect(examine(alone).filter(({ result }) => result !== 'pass')).toEqual([])
  })

  it.each(ILL)('%s: %s when %s', (check, result, told, change) => {
    const found = examine({ ...WELL, ...change }).filter((finding) => finding.result !== 'pass')
    expect(found).toEqual([
      { check, result, detail: expect.stringContaining(told), mend: expect.any(String) },
    ])
  })

  it('are each shown to notice something', () => {
    expect(new Set(ILL.map(([check]) => check))).toEqual(new Set(DOCTOR_CHECKS.keys()))
  })

  it('let a member go that has left, whatever it said last', () => {
    const left = { ...PEER, state: 'left', linked: false, view: 1, heardMsAgo: 9_000 } as const
    expect(examine({ ...WELL, members: [SELF, left] }).map(({ result }) => result)).not.toContain(
      'fail',
    )
  })

  it('expect a frame no sooner than the nodes send it', () => {
    const settings = { ...SETTINGS, gossipIntervalMs: 2_000 }
    const members = [SELF, { ...PEER, settings, heardMsAgo: 5_000 }]
    expect(examine({ ...WELL, settings, members }).map(({ result }) => result)).not.toContain(
      'warn',
    )
  })

  it('are those of the reference, in its order', () => {
    const page = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8')
    const [, table = ''] = page.split('| check | does not pass when |')
    const documented = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([\w-]+)` \|/gm)]
    expect(documented.map(([, check]) => check)).toEqual(['reachable', ...DOCTOR_CHECKS.keys()])
  })
})

describe('weir doctor', () => {
  const rulesOf = (rate: string) => [{ name: 'demo', limits: [{ rate }] }]
  let first: WeirNode
  let second: WeirNode
  let admin: string

  beforeAll(async () => {
    first = await createNode({ name: 'n1', rules: rulesOf('100/s'), cluster: {} })
    const cluster = { seeds: first.peerAddresses }
    second = await createNode({ name: 'n2', rules: rulesOf('100/s'), cluster })
    admin = await first.listenAdmin('127.0.0.1:0')
  })
  afterAll(async () => {
    await Promise.all([first.close(), second.close()])
  })

  async function doctor(...words: string[]) {
    const terminal = new RecordedTerminal()
    const exit = await run(['doctor', '--admin', admin, ...words], terminal)
    return { exit, printed: terminal.printed }
  }

  /** Of the checks that a busy machine cannot spoil. */
  const steady = () =>
    examine(first.status()).filter(
      ({ check }) => !['event-loop', 'heard', 'clocks'].includes(check),
    )

  it('finds nothing wrong with two nodes that have just found each other', async () => {
    const other = () => first.status().members.find(({ self }) => !self)
    await until('they have told each other', () => typeof other()?.view === 'number')
    await until('all is well', () => steady().every(({ result }) => result === 'pass'))
    expect(other()).toMatchObject({ name: 'n2', view: first.cluster().view, linked: true })
    expect(Math.abs(other()?.clockOffsetMs ?? 9_999)).toBeLessThan(5_000)
    const { printed } = await doctor()
    expect(printed.filter((line) => line.startsWith('PASS')).length).toBeGreaterThan(8)
    expect(printed.join('\n')).toMatch(
      new RegExp(`PASS +rules +all nodes enforce version ${second.book.version}`),
    )
  })

  it('hears of other rules as soon as a node takes them', async () => {
    await second.reload(rulesOf('200/s'))
    const rules = () => examine(first.status()).find(({ check }) => check === 'rules')
    await until('it is told', () => rules()?.result === 'fail')
    const { exit, printed } = await doctor('-o', 'json')
    expect(exit).toBe('unwell')
    const findings = JSON.parse(printed[0] ?? '') as { check: string; detail: string }[]
    expect(findings.find(({ check }) => check === 'rules')?.detail).toBe(
      `other rules than here (${first.book.version}): n2 ${second.book.version}`,
    )
  })

  it('tells of rules that could not be read, until others can', async () => {
    await expect(first.reload([{ name: 'demo', limits: [{ rate: 'fast' }] }])).rejects.toThrow()
    expect((await doctor()).printed.join('\n')).toMatch(/FAIL +reload +.*"fast"/)
    await first.reload(rulesOf('200/s'))
    expect((await doctor()).printed.join('\n')).toMatch(/PASS +reload/)
  })

  it('tells that no node answers, and ends so', async () => {
    const terminal = new RecordedTerminal()
    const words = ['doctor', '--admin', 'http://127.0.0.1:9', '-o', 'json']
    expect(await run(words, terminal)).toBe('unreachable')
    expect(JSON.parse(terminal.printed[0] ?? '')).toMatchObject([
      { check: 'reachable', result: 'fail', mend: expect.stringContaining('--admin') },
    ])
  })
})

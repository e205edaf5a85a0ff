import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ExitCode } from '../../src/cli/exit-code.ts'
import { run } from '../../src/cli/program.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

const RULES = {
  tiers: { free: { limits: [{ rate: '5/m' }] } },
  rules: [
    {
      name: 'api',
      match: { path: '/api/**' },
      key: '{ip}',
      tier: '{descriptor.plan}',
      tier_default: 'free',
    },
    { name: 'login', match: { path: '/login' }, key: '{header.x-user}', limits: [{ rate: '3/m' }] },
    {
      name: 'tried',
      mode: 'shadow',
      limits: [{ rate: '1/m' }, { rate: '30/h', algorithm: 'sliding-window' }],
    },
  ],
  overrides: [{ rule: 'api', key: '10.*', limits: [{ rate: '7/m' }], reason: 'the office' }],
}

let node: WeirNode
let url: string
let terminal: RecordedTerminal

beforeAll(async () => {
  node = await createNode({ name: 'solo', rules: RULES, clock: { nowMs: () => 60_000 } })
  url = await node.listen('127.0.0.1:0')
  for (const ip of ['192.0.2.1', '192.0.2.1', '10.0.0.1'])
    await node.check({ rule: 'api', key: ip })
})
afterAll(() => node.close())
beforeEach(() => {
  terminal = new RecordedTerminal()
})

const explain = (...words: string[]): Promise<ExitCode> =>
  run(['explain', '--url', url, ...words], terminal)

describe('weir explain', () => {
  it('tells which rules a request falls under, by which tier, and who has admitted what', async () => {
    expect(await explain('--path', '/api/x', '--ip', '192.0.2.1')).toBe('ok')
    expect(terminal.printed).toEqual([
      '**rule api   MATCH   key "192.0.2.1"   owner solo**',
      '  tier free',
      '  limit 5/m burst 5   in use 2   admitted lately: solo 2',
      '  says under_limit',
      'rule login   no match: "/api/x does not fit /login"',
      'rule tried   no match: "checks name the rule and a key themselves"',
      '=> ALLOW 3 of 5 left of api, whole again in 24.0 s; exact, overshoot bound 0',
    ])
  })

  it('tells which override counts for a key, and takes nothing', async () => {
    for (let time = 0; time < 2; time++) await explain('--rule', 'api', '--key', '10.0.0.1')
    expect(terminal.printed.slice(-4)).toEqual([
      '  override 10.* (the office)',
      '  limit 7/m burst 7   in use 1   admitted lately: solo 1',
      '  says under_limit',
      '=> ALLOW 6 of 7 left of api, whole again in 8.6 s; exact, overshoot bound 0',
    ])
  })

  it('tells what is missing', async () => {
    await explain('--path', '/login')
    expect(terminal.printed).toContain('**rule login   MATCH   no header.x-user   not counted**')
    expect(terminal.printed.at(-1)).toBe('=> DENY key_missing by login')
    await explain('--path', '/login', '--header', 'X-User=ada', '--descriptor', 'a=b', '-o', 'json')
    expect(JSON.parse(terminal.printed.at(-1) ?? '')).toMatchObject({
      explain: { rules: [{ rule: 'login', key: 'ada' }] },
    })
  })

  it('denies nothing in shadow mode', async () => {
    await node.check({ rule: 'tried', key: 'a' })
    await explain('--rule', 'tried', '--key', 'a')
    expect(terminal.printed.slice(1)).toEqual([
      '  in shadow mode',
      '  limit 1/m burst 1   in use 1   admitted lately: solo 1',
      '  limit 30/h sliding-window   in use 1   admitted lately: solo 1',
      '  says under_limit',
      '=> ALLOW 0 of 1 left of tried, whole again in 60.0 s; exact, overshoot bound 0',
    ])
  })

  it('wants a rule and a key together', async () => {
    expect(await explain('--rule', 'api')).toBe('usage')
    expect(await explain('--header', 'x')).toBe('usage')
  })
})

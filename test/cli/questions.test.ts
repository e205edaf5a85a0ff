import { createServer } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import type { ExitCode } from '../../src/cli/exit-code.ts'
import { run } from '../../src/cli/program.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

// The commands that ask a node about a key, at the doors of a real one.

const RULES = {
  tiers: { free: { limits: [{ rate: '5/m' }] }, paid: { limits: [{ rate: '50/m' }] } },
  rules: [
    { name: 'login', limits: [{ rate: '5/m' }] },
    { name: 'export', cost: 3, limits: [{ rate: '10/m' }] },
    { name: 'jobs', limits: [{ rate: '60/m', algorithm: 'leaky-bucket' }] },
    { name: 'api', tier: '{descriptor.plan}', tier_default: 'free' },
    { name: 'old', headers: 'legacy', limits: [{ rate: '5/m' }] },
    { name: 'free', limits: 'unlimited' },
  ],
}

let node: WeirNode
let url: string
let admin: string
let terminal: RecordedTerminal
/** A new one for each test: none meets the counts of another. */
let key: string
let keys = 0

beforeAll(async () => {
  node = await createNode({ name: 'solo', rules: RULES, clock: { nowMs: () => 60_000 } })
  url = await node.listen('127.0.0.1:0')
  admin = await node.listenAdmin('127.0.0.1:0')
})
afterAll(() => node.close())
beforeEach(() => {
  terminal = new RecordedTerminal()
  keys += 1
  key = `key/${keys}?&`
})

function weir(command: string, rule: string, ...words: string[]): Promise<ExitCode> {
  const door = command === 'reset' ? ['--admin', admin] : ['--url', url]
  return run([command, ...door, '--rule', rule, '--key', key, ...words], terminal)
}

/** How much of the key is left. */
async function remaining(rule: string): Promise<unknown> {
  const answer = await node.check({ rule, key, cost: 0 })
  return 'remaining' in answer ? answer.remaining : answer
}

const last = (): unknown => JSON.parse(terminal.printed.at(-1) ?? '')

test.each(['check', 'gate'])(
  'weir %s takes what the rule says, unless told otherwise',
  async (command) => {
    await weir(command, 'export')
    expect(await remaining('export')).toBe(7)
    await weir(command, 'export', '--cost', '2')
    expect(await remaining('export')).toBe(5)
  },
)

describe('weir check', () => {
  it('tells the turn that a leaky bucket gives', async () => {
    await weir('check', 'jobs', '--cost', '2')
    await weir('check', 'jobs')
    expect(terminal.printed.filter((line) => line.includes('delayMs'))).toEqual([
      '  delayMs         0',
      '  delayMs         2000',
    ])
  })

  it('tells the node what the tier is chosen by', async () => {
    await weir('check', 'api', '--descriptor', 'plan=paid', '-o', 'json')
    expect(last()).toMatchObject({ limit: 50, remaining: 49 })
  })
})

describe('weir gate', () => {
  it('lets pass, and shows the header fields that a client would get', async () => {
    expect(await weir('gate', 'login')).toBe('ok')
    expect(terminal.printed).toEqual([
      '**allowed**',
      '  ratelimit-policy   "login";q=5;w=60',
      '  ratelimit          "login";r=4;t=12',
    ])
  })

  it('denies: the exit code says so, and when to come again', async () => {
    expect(await weir('gate', 'login', '--cost', '5')).toBe('ok')
    expect(await weir('gate', 'login')).toBe('denied')
    expect(terminal.printed.slice(-4)).toEqual([
      '**denied**',
      '  ratelimit-policy   "login";q=5;w=60',
      '  ratelimit          "login";r=0;t=12',
      '  retry-after        12',
    ])
  })

  it('prints both as JSON', async () => {
    expect(await weir('gate', 'old', '--cost', '5', '-o', 'json')).toBe('ok')
    expect(last()).toEqual({
      allowed: true,
      status: 204,
      headers: {
        'x-ratelimit-limit': '5',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '60',
      },
    })
    expect(await weir('gate', 'old', '-o', 'json')).toBe('denied')
    expect(last()).toMatchObject({
      allowed: false,
      status: 429,
      headers: { 'retry-after': '12' },
      problem: { code: 'quota_exceeded', retryAfterMs: 12_000 },
    })
  })

  it('shows no fields where there are none', async () => {
    expect(await weir('gate', 'free')).toBe('ok')
    expect(terminal.printed).toEqual(['**allowed**'])
  })

  it('rejects what the node rejects, which is no denial', async () => {
    expect(await weir('gate', 'login', '--cost', '6')).toBe('rejected')
    expect(terminal.complaints[0]).toContain('answered 400')
    expect(await weir('gate', 'logout')).toBe('rejected')
    expect(terminal.complaints[1]).toContain('rule "logout" is not defined')
  })
})

describe('weir peek', () => {
  it('tells what is left, and takes nothing', async () => {
    for (let time = 0; time < 2; time++) expect(await weir('peek', 'export')).toBe('ok')
    expect(terminal.printed[0]).toBe('**10 of 10 left**')
    expect(await remaining('export')).toBe(10)
  })

  it('tells by the exit code that nothing is left', async () => {
    await weir('check', 'login', '--cost', '5')
    expect(await weir('peek', 'login')).toBe('denied')
    expect(terminal.printed).toContain('**0 of 5 left**')
    expect(terminal.printed).toContain('  resetMs         60000')
  })

  it('prints the answer of the node as JSON', async () => {
    expect(await weir('peek', 'api', '--descriptor', 'plan=paid', '-o', 'json')).toBe('ok')
    expect(last()).toMatchObject({ allowed: true, rule: 'api', remaining: 50, node: 'solo' })
  })

  it('tells that a key is not limited', async () => {
    expect(await weir('peek', 'free')).toBe('ok')
    expect(terminal.printed[0]).toBe('**not limited**')
  })
})

describe('weir reset', () => {
  it('begins a key anew, and tells how it stands', async () => {
    await weir('check', 'login', '--cost', '5')
    expect(await weir('reset', 'login')).toBe('ok')
    expect(terminal.printed).toContain('**5 of 5 left**')
    expect(await remaining('login')).toBe(5)
  })

  it('begins the tier anew that descriptors choose', async () => {
    const paid = ['--descriptor', 'plan=paid']
    await weir('check', 'api', ...paid, '--cost', '9')
    expect(await weir('reset', 'api', ...paid, '-o', 'json')).toBe('ok')
    expect(last()).toMatchObject({ limit: 50, remaining: 50 })
  })

  it('is for operators: the door for checks does not know it', async () => {
    const words = ['reset', '--admin', url, '--rule', 'login', '--key', key]
    expect(await run(words, terminal)).toBe('rejected')
    expect(terminal.complaints[0]).toContain('answered 404')
  })
})

test.each(['check', 'gate', 'peek', 'reset'])('weir %s wants a rule and a key', async (command) => {
  expect(await run([command, '--rule', 'login'], terminal)).toBe('usage')
  expect(terminal.complaints[0]).toContain("required option '--key <key>'")
})

test.each(['gate', 'peek', 'reset'])(
  'weir %s does not take another server for a node',
  async (command) => {
    const server = createServer((_request, response) => response.end('<h1>Welcome</h1>'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const other = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const door = command === 'reset' ? '--admin' : '--url'
    expect(await run([command, door, other, '--rule', 'a', '--key', 'b'], terminal)).toBe(
      'rejected',
    )
    expect(terminal.complaints[0]).toContain('did not answer like a node of Weir')
    server.close()
  },
)

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ExitCode } from '../../src/cli/exit-code.ts'
import { run } from '../../src/cli/program.ts'
import type { ClusterStatus } from '../../src/running-node.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

let terminal: RecordedTerminal
beforeEach(() => {
  terminal = new RecordedTerminal()
})

function weir(...words: string[]): Promise<ExitCode> {
  return run(words, terminal)
}

const folder = mkdtempSync(join(tmpdir(), 'weir-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

const answer = {
  rule: 'login',
  limit: 5,
  remaining: 4,
  retryAfterMs: 0,
  resetMs: 12_000,
  reason: 'under_limit',
  decidedBy: 'owner',
  consistency: 'exact',
  overshootBound: 0,
  weight: 1,
  owner: 'n1',
  node: 'n1',
}

const status: ClusterStatus = {
  node: 'n1',
  id: 'id-1',
  view: 0xbeef,
  members: [
    {
      id: 'id-1',
      name: 'n1',
      state: 'active',
      incarnation: 1,
      self: true,
      linked: false,
      heardMsAgo: 0,
      addresses: ['/ip4/127.0.0.1/tcp/4001'],
    },
    {
      id: 'id-2',
      name: 'n2',
      state: 'suspect',
      incarnation: 1,
      self: false,
      linked: false,
      heardMsAgo: 1_640,
      addresses: [],
    },
  ],
}

/** Answers like a node's doors, as far as the command asks: allows `alice`, denies `bob`, knows nobody else. */
function doors(): Server {
  return createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const send = (code: number, body: unknown) => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.url === '/api/v1/cluster') return send(200, status)
    if (request.url?.startsWith('/v1/gate')) return send(404, 'not here '.repeat(1_000))
    if (request.url !== '/v1/check') return send(404, 'not here')
    const { key, cost } = JSON.parse(text) as { key: string; cost: number }
    if (key === 'alice') return send(200, { allowed: true, ...answer, remaining: 5 - cost })
    if (key === 'bob') return send(200, { allowed: false, ...answer })
    return send(400, { title: 'Unknown rule', detail: 'There is no rule "x".' })
  })
}

describe('weir', () => {
  it('prints its version, which is the package’s', async () => {
    const manifest: unknown = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    )
    expect(await weir('--version')).toBe('ok')
    expect(terminal.printed).toEqual([(manifest as { version: string }).version])
  })

  it.each([['--help'], ['serve', '--help'], ['cluster', 'status', '--help']])(
    'explains itself: %s %s',
    async (...words) => {
      expect(await weir(...words)).toBe('ok')
      expect(terminal.printed.join('\n')).toContain('Usage: weir')
    },
  )

  it.each([
    [['sevre'], 'unknown command'],
    [['check', '--rule', 'a'], "required option '--key <key>'"],
    [['check', '--rule', 'a', '--key', 'b', '--cost', '-1'], 'whole number from 0'],
    [['check', '--rule', 'a', '--key', 'b', '-o', 'xml'], 'json, table'],
    [['dev', '--nodes', '0'], 'whole number from 1 to 16'],
    [['serve', '--lisen', 'x'], 'Did you mean --listen'],
    [['serve', 'extra'], 'too many arguments'],
  ])('does not understand %j', async (words, told) => {
    expect(await weir(...words)).toBe('usage')
    expect(terminal.complaints.join('\n')).toContain(told)
  })
})

describe.each(['tcp', 'unix'] as const)('a node reached by %s', (kind) => {
  let server: Server
  let address: string
  beforeAll(async () => {
    server = doors()
    const path = join(folder, 'door.sock')
    await new Promise<void>((resolve) => {
      if (kind === 'unix') server.listen(path, resolve)
      else server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    address = kind === 'unix' ? `unix:${path}` : `http://127.0.0.1:${port}`
  })
  afterAll(() => {
    server.close()
  })

  it('allows: the exit code is ok', async () => {
    const words = ['check', '--url', address, '--rule', 'login', '--key', 'alice', '--cost', '2']
    expect(await weir(...words)).toBe('ok')
    expect(terminal.printed[0]).toBe('**allowed**')
    expect(terminal.printed).toContain('  remaining       3')
  })

  it('denies: the exit code says so', async () => {
    const words = ['check', '--url', address, '--rule', 'login', '--key', 'bob', '-o', 'json']
    expect(await weir(...words)).toBe('denied')
    expect(JSON.parse(terminal.printed.join(''))).toEqual({ allowed: false, ...answer })
  })

  it('rejects: its own words are passed on', async () => {
    expect(await weir('check', '--url', address, '--rule', 'x', '--key', 'eve')).toBe('rejected')
    expect(terminal.complaints).toEqual([
      `weir: ${address} answered 400: Unknown rule: There is no rule "x".`,
    ])
  })

  it('is not repeated in full when it answers with a whole page', async () => {
    expect(await weir('gate', '--url', address, '--rule', 'x', '--key', 'y')).toBe('rejected')
    expect(terminal.complaints[0]).toContain('answered 404: "not here')
    expect(terminal.complaints[0]?.length).toBeLessThan(400)
  })

  it('shows its cluster as a table', async () => {
    expect(await weir('cluster', 'status', '--admin', address)).toBe('ok')
    expect(terminal.printed).toEqual([
      '**NAME   STATE     LINKED   HEARD       ID     ADDRESSES**',
      'n1 *   active    -        -           id-1   /ip4/127.0.0.1/tcp/4001',
      'n2     suspect   no       1.6 s ago   id-2',
      '',
      '1 of 2 active; view beef; as seen by n1 (*)',
    ])
  })

  it('shows its cluster as JSON', async () => {
    expect(await weir('cluster', 'status', '--admin', address, '-o', 'json')).toBe('ok')
    expect(JSON.parse(terminal.printed.join(''))).toEqual(status)
  })
})

describe('a node that is not there', () => {
  it('is unreachable', async () => {
    const address = `unix:${join(folder, 'nobody.sock')}`
    expect(await weir('cluster', 'status', '--admin', address)).toBe('unreachable')
    expect(terminal.complaints[0]).toMatch(/^weir: no answer from unix:.*ENOENT/)
  })

  it.each([
    ['n1:9090', 'no scheme'],
    ['http://127.0.0.1:1/api', 'a path, which would not be asked for'],
    ['http://127.0.0.1:1/?a=b', 'a query'],
    ['http://me:secret@127.0.0.1:1', 'a user, who would not be named'],
  ])('is a mistake of the command line when its address is %s: %s', async (address) => {
    expect(await weir('cluster', 'status', '--admin', address)).toBe('usage')
    expect(terminal.complaints[0]).toContain(
      'write http://host:port, https://host:port or unix:/path',
    )
    expect(terminal.complaints[0]).not.toContain('secret')
  })
})

describe('weir rules', () => {
  it('shows the rules of a good file', async () => {
    const path = join(folder, 'good.yaml')
    writeFileSync(
      path,
      'version: 1\nrules:\n  - name: login\n    limits: [{ rate: 5/10s }, { rate: 30/h, burst: 9 }]\n',
    )
    expect(await weir('rules', 'check', path)).toBe('ok')
    expect(terminal.printed).toEqual([
      '**RULE    LIMIT           MODE**',
      'login   5/10s burst 5   enforce',
      '        30/h burst 9',
    ])
  })

  it('warns of what is odd about a good one, and is content all the same', async () => {
    const path = join(folder, 'odd.yaml')
    writeFileSync(
      path,
      'version: 1\nrules:\n  - name: a\n    limits: [{ rate: 1/s }, { rate: 60/m }]\ntiers: { free: { limits: unlimited } }\n',
    )
    expect(await weir('rules', 'check', path)).toBe('ok')
    expect(terminal.complaints).toEqual([
      `${path}:4:29 warning: 60/m burst 60 refuses nothing that limits[0], 1/s burst 1, admits: remove it, or make it slower or smaller [limit_redundant]`,
      `${path}:5:10 warning: no rule can name tier "free": remove it, or choose it by a rule's tier or tier_default [tier_unused]`,
    ])
    expect(terminal.printed[0]).toContain('RULE')
  })

  it('tells every mistake of a bad one', async () => {
    const path = join(folder, 'bad.yaml')
    writeFileSync(path, 'version: 2\nrules: []\n')
    expect(await weir('rules', 'check', path)).toBe('configuration')
    expect(terminal.complaints[0]?.split('\n')).toHaveLength(3)
    expect(terminal.complaints[0]).toContain(`${path}:1:10 version must be 1, not 2`)
  })
})

describe('weir serve', () => {
  it('does not start with options that cannot be used', async () => {
    expect(await weir('serve', '--fanout', 'all')).toBe('configuration')
    expect(terminal.complaints[0]).toContain('--fanout: "all" must be a whole number from 1 to 12')
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { configure, OptionsError } from '../../src/cli/configuration.ts'
import { run } from '../../src/cli/program.ts'
import { WRONG_TOKEN_DELAY_MS, WRONG_TOKENS_WAITING_MAX } from '../../src/http/limits.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { RecordedTerminal } from '../cli/recorded-terminal.ts'
import { within } from '../support/real-node.ts'

// Nobody without a token learns or changes anything at the admin door of a node that has one.

const TOKEN = 'a1b2c3d4'.repeat(8)
const OTHER = 'ffffffff'.repeat(8)
const RULES = [{ name: 'demo', limits: [{ rate: { count: 100, periodMs: 60_000 }, burst: 10 }] }]

const folder = mkdtempSync(join(tmpdir(), 'weir-admin-'))
afterAll(() => rmSync(folder, { recursive: true }))

function tokenFile(text: string, name = 'admin.token'): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const nodes: WeirNode[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
})

async function guardedNode(text = `${TOKEN}\n`): Promise<WeirNode> {
  const node = await createNode({ rules: RULES, adminTokenFile: tokenFile(text) })
  nodes.push(node)
  return node
}

/** Requests to everything that is not for everybody. */
const GUARDED = [
  { method: 'GET', url: '/api/v1/cluster' },
  { method: 'HEAD', url: '/api/v1/cluster' },
  { method: 'GET', url: '/api/v1/debug/alice?rule=demo' },
  { method: 'POST', url: '/v1/reset', payload: { rule: 'demo', key: 'alice' } },
] as const

/** The node's counts of the key that requests would change. Levels drain meanwhile. */
function counts(node: WeirNode): unknown {
  const inspection = node.inspect('demo', 'alice')
  return 'limits' in inspection ? inspection.limits.flatMap((limit) => limit.counts) : []
}

async function counted(node: WeirNode): Promise<Record<string, number>> {
  const { body } = await node.admin.inject('/metrics')
  const lines = body.matchAll(/^rate_limiter_unauthorized_total\{reason="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]))
}

describe('the admin door of a node with a token', () => {
  test.each([
    ['no token', undefined, 'missing'],
    ['another scheme', `Basic ${TOKEN}`, 'missing'],
    ['the bare token', TOKEN, 'missing'],
    ['another token', `Bearer ${OTHER}`, 'wrong'],
    ['an empty token', 'Bearer ', 'wrong'],
    ['the beginning of the token', `Bearer ${TOKEN.slice(0, -1)}`, 'wrong'],
    ['the token and more', `Bearer ${TOKEN}0`, 'wrong'],
    ['the token in capitals', `Bearer ${TOKEN.toUpperCase()}`, 'wrong'],
    ['the name of a prototype', 'Bearer __proto__', 'wrong'],
    ['ten thousand characters', `Bearer ${'x'.repeat(10_000)}`, 'wrong'],
  ])('refuses %s, changes nothing and counts it', async (_, authorization, reason) => {
    const node = await guardedNode()
    await node.check({ rule: 'demo', key: 'alice', cost: 3 })
    const before = counts(node)
    expect(before).toHaveLength(1)
    const headers = authorization === undefined ? {} : { authorization }
    const replies = await Promise.all(
      GUARDED.map((request) => node.admin.inject({ ...request, headers })),
    )
    for (const [index, reply] of replies.entries()) {
      expect(reply.statusCode).toBe(401)
      expect(reply.headers['www-authenticate']).toMatch(/^Bearer realm="weir"/)
      if (GUARDED[index]?.method === 'HEAD') continue
      expect(reply.headers['content-type']).toContain('application/problem+json')
      expect(reply.json()).toMatchObject({ status: 401, code: 'unauthorized' })
    }
    expect(counts(node)).toEqual(before)
    const other = reason === 'wrong' ? 'missing' : 'wrong'
    expect(await counted(node)).toEqual({ [reason]: GUARDED.length, [other]: 0 })
  })

  test('refuses before it reads what was sent', async () => {
    const { admin } = await guardedNode()
    const payload = '{"rule":'
    const headers = { 'content-type': 'application/json' }
    const reply = await admin.inject({ method: 'POST', url: '/v1/reset', payload, headers })
    expect(reply.json().code).toBe('unauthorized')
  })

  test('answers whoever has the token, in any case of the scheme', async () => {
    const { admin } = await guardedNode()
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      for (const request of GUARDED) {
        const reply = await admin.inject({
          ...request,
          headers: { authorization: `${scheme} ${TOKEN}` },
        })
        expect(reply.statusCode, request.url).toBe(200)
      }
    }
  })
})

describe('what opens the admin door', () => {
  test('is any of several tokens, so that they can change without a pause', async () => {
    const node = await guardedNode(`${TOKEN}\n\n${OTHER}\r\n`)
    const ask = (token: string) =>
      node.admin.inject({ url: '/api/v1/cluster', headers: { authorization: `Bearer ${token}` } })
    expect((await ask(TOKEN)).statusCode).toBe(200)
    expect((await ask(OTHER)).statusCode).toBe(200)
    tokenFile(OTHER)
    await node.renewCredentials()
    expect((await ask(TOKEN)).statusCode).toBe(401)
    expect((await ask(OTHER)).statusCode).toBe(200)
    tokenFile('nonsense')
    await node.renewCredentials()
    expect((await ask(OTHER)).statusCode).toBe(200)
  })

  test('is not needed for health and metrics', async () => {
    const { admin, app } = await guardedNode()
    for (const door of [admin, app]) {
      for (const url of ['/livez', '/readyz', '/metrics']) {
        expect((await door.inject(url)).statusCode).toBe(200)
      }
    }
  })

  test('lets whoever guesses it wait, only so many at a time, and never who knows it', async () => {
    const node = await guardedNode()
    const url = `${await node.listenAdmin('127.0.0.1:0')}/api/v1/cluster`
    const startMs = performance.now()
    const guess = async () => {
      const reply = await fetch(url, { headers: { authorization: `Bearer ${OTHER}` } })
      return { status: reply.status, afterMs: performance.now() - startMs }
    }
    const guesses = Promise.allSettled(Array.from({ length: 3 * WRONG_TOKENS_WAITING_MAX }, guess))
    const known = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(known.status).toBe(200)
    const answered = (await guesses).filter((guessed) => guessed.status === 'fulfilled')
    expect(answered.length).toBeGreaterThan(0)
    expect(answered.length).toBeLessThan(3 * WRONG_TOKENS_WAITING_MAX)
    for (const { value } of answered) {
      expect(value.status).toBe(401)
      expect(value.afterMs).toBeGreaterThanOrEqual(WRONG_TOKEN_DELAY_MS)
    }
  })
})

describe('a node without a token', () => {
  test.each(['0.0.0.0:0', ':0', '[::]:0', 'node-1.example:9090', '10.0.0.7:9090'])(
    'does not show its admin door at %s, and says how it could',
    async (admin) => {
      const flags = { rules: 'r', admin }
      const adminTokenFile = 'admin.token'
      expect(() => configure({ flags, variables: {} })).toThrow(OptionsError)
      expect(() => configure({ flags, variables: {} })).toThrow(
        /--admin: other machines can reach .*--admin-token-file admin\.token/,
      )
      const { options } = configure({ flags: { ...flags, adminTokenFile }, variables: {} })
      expect(options).toMatchObject({ admin, adminTokenFile })
      const node = await createNode({ rules: RULES })
      nodes.push(node)
      await expect(node.listenAdmin(admin)).rejects.toThrow(
        `admin address "${admin}": other machines can reach it`,
      )
    },
  )

  test.each(['127.0.0.1:0', '[::1]:0', 'localhost:0', `unix:${folder}/admin.sock`])(
    'shows it to its own machine at %s',
    async (admin) => {
      expect(configure({ flags: { rules: 'r', admin }, variables: {} }).options.admin).toBe(admin)
      const node = await createNode({ rules: RULES })
      nodes.push(node)
      await node.listenAdmin(admin)
      expect((await node.admin.inject('/api/v1/cluster')).statusCode).toBe(200)
    },
  )
})

describe('a file of tokens', () => {
  test.each([
    ['nothing', ''],
    ['a word', 'secret'],
    ['a token too short', TOKEN.slice(0, 31)],
    ['a token too long', 'x'.repeat(513)],
    ['a token with a space in it', `${TOKEN} ${TOKEN}`],
    ['a good one and a bad one', `${TOKEN}\nsecret`],
    ['too many', Array(5).fill(TOKEN).join('\n')],
  ])('with %s in it is an error at the start that does not repeat it', async (_, text) => {
    const path = tokenFile(text)
    const starting = createNode({ rules: RULES, adminTokenFile: path })
    await expect(starting).rejects.toThrow(`admin token file ${path}: `)
    await expect(starting).rejects.toThrow('openssl rand -hex 32')
    await expect(starting).rejects.not.toThrow(/secret|a1b2c3d4/)
  })

  test('that is not there is an error at the start', async () => {
    const adminTokenFile = join(folder, 'none')
    const starting = createNode({ rules: RULES, adminTokenFile })
    await expect(starting).rejects.toThrow(`admin token file ${adminTokenFile}: cannot be read`)
  })

  test('is read again when it changes', async () => {
    const node = await guardedNode()
    tokenFile(OTHER)
    const headers = { authorization: `Bearer ${OTHER}` }
    await within(10_000, async () => {
      const reply = await node.admin.inject({ url: '/api/v1/cluster', headers })
      return reply.statusCode === 200
    })
  })
})

describe('a command', () => {
  test('opens the admin door by a file of tokens', async () => {
    const node = await guardedNode()
    const admin = await node.listenAdmin('127.0.0.1:0')
    const terminal = new RecordedTerminal()
    const words = ['cluster', 'status', '--admin', admin, '-o', 'json']
    expect(await run(words, terminal)).toBe('rejected')
    expect(terminal.complaints.join('\n')).toContain('answered 401: Unauthorized: This door wants')
    expect(await run([...words, '--token-file', tokenFile(OTHER, 'other')], terminal)).toBe(
      'rejected',
    )
    expect(await run([...words, '--token-file', join(folder, 'none')], terminal)).toBe(
      'configuration',
    )
    expect(await run([...words, '--token-file', tokenFile(TOKEN)], terminal)).toBe('ok')
    expect(terminal.complaints.join('\n')).not.toMatch(/a1b2c3d4|ffffffff/)
  })
})

test('the token never is in the log', async () => {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const node = await createNode({ rules: RULES, adminTokenFile: tokenFile(TOKEN), log })
  nodes.push(node)
  await node.admin.inject({ url: '/api/v1/cluster', headers: { authorization: `Bearer ${OTHER}` } })
  tokenFile('secret')
  await node.renewCredentials()
  expect(lines.join('\n')).toContain('credentials_refused')
  expect(lines.join('\n')).not.toMatch(/a1b2c3d4|ffffffff|secret/)
})

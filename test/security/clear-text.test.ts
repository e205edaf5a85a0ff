import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { get as getTls, Agent as TlsAgent } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../../bench/program.ts'
import { configure } from '../../src/cli/configuration.ts'
import { run } from '../../src/cli/program.ts'
import { createClient } from '../../src/client/index.ts'
import { createNode, type NodeOptions, type WeirNode } from '../../src/index.ts'
import { RecordedTerminal } from '../cli/recorded-terminal.ts'
import { Authority } from '../support/certificates.ts'
import { within } from '../support/real-node.ts'

// Whoever listens on the way reads and changes nothing, where doors have a certificate.

const RULES = [{ name: 'demo', limits: [{ rate: { count: 100, periodMs: 60_000 }, burst: 10 }] }]
const openssl = findProgram('openssl', 'version')

const nodes: WeirNode[] = []
const lines: string[] = []
let authority: Authority

async function secureNode(options: Partial<NodeOptions> = {}): Promise<WeirNode> {
  const tls = authority.issue('node', 'first')
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const node = await createNode({ rules: RULES, tls, log, ...options })
  nodes.push(node)
  return node
}

/** Whom the node says it is to a connection that is new. */
async function subjectOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connectTls({
    host: hostname,
    port: Number(port),
    ca: readFileSync(authority.cert),
  })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

async function bodyOf(reply: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of reply.setEncoding('utf8')) body += chunk
  return body
}

const why = openssl === true ? '' : `: ${openssl}`

beforeAll(() => {
  if (openssl === true) authority = new Authority()
})
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
  lines.length = 0
})
afterAll(() => authority?.remove())

describe.skipIf(openssl !== true)(`a door with a certificate${why}`, () => {
  test('answers clients that know its authority, and says https', async () => {
    const node = await secureNode()
    const url = await node.listen('127.0.0.1:0')
    const admin = await node.listenAdmin('127.0.0.1:0')
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(admin).toMatch(/^https:/)
    const tls = { ca: readFileSync(authority.cert, 'utf8') }
    const client = createClient({ url, onFailure: 'closed', deadlineMs: 5_000, tls })
    expect(await client.check({ rule: 'demo', key: 'a' })).toMatchObject({ remaining: 9 })
    await client.close()
    const terminal = new RecordedTerminal()
    const words = ['check', '--url', url, '--rule', 'demo', '--key', 'a']
    expect(await run([...words, '--ca-file', authority.cert], terminal)).toBe('ok')
    const status = ['cluster', 'status', '--admin', admin, '--ca-file', authority.cert]
    expect(await run(status, terminal)).toBe('ok')
  })

  test('is not believed by clients that do not know its authority', async () => {
    const node = await secureNode()
    const url = await node.listen('127.0.0.1:0')
    const client = createClient({ url, onFailure: 'closed', deadlineMs: 5_000 })
    const answer = await client.check({ rule: 'demo', key: 'a' })
    expect(answer).toMatchObject({ allowed: false, failure: { code: 'unreachable' } })
    await client.close()
    const terminal = new RecordedTerminal()
    const words = ['check', '--url', url, '--rule', 'demo', '--key', 'a']
    expect(await run(words, terminal)).toBe('unreachable')
    expect(terminal.complaints.join()).toContain('certificate')
    expect(node.inspect('demo', 'a')).toMatchObject({ limits: [{ level: 0 }] })
  })

  test('answers nothing in clear text', async () => {
    const node = await secureNode()
    const { port } = new URL(await node.listen('127.0.0.1:0'))
    const socket = connect(Number(port), '127.0.0.1')
    let heard = ''
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.write('GET /v1/gate?rule=demo&key=a HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'close')
    expect(heard).not.toContain('HTTP/1.1')
    expect(node.inspect('demo', 'a')).toMatchObject({ limits: [{ level: 0 }] })
  })

  test('lets a connection that never greets go, and serves the others meanwhile', async () => {
    const node = await secureNode()
    const url = await node.listen('127.0.0.1:0')
    const { port } = new URL(url)
    const silent = Array.from({ length: 200 }, () => connect(Number(port), '127.0.0.1'))
    const closed = Promise.all(silent.map((socket) => once(socket.resume(), 'close')))
    for (const socket of silent) socket.on('error', () => undefined)
    expect(await subjectOf(url)).toBe('first')
    await closed
  })

  test('keeps a Unix socket as it is', async () => {
    const node = await secureNode()
    const socketPath = join(authority.folder, 'weir.sock')
    expect(await node.listen(`unix:${socketPath}`)).toBe(`unix:${socketPath}`)
    const request = get({ socketPath, path: '/livez' })
    const [reply] = (await once(request, 'response')) as [IncomingMessage]
    expect(await bodyOf(reply)).toBe('{"live":true}')
  })
})

describe.skipIf(openssl !== true)(`a certificate that changes${why}`, () => {
  test('is shown to new connections when its files change, and cuts no old one', async () => {
    const node = await secureNode()
    const url = await node.listen('127.0.0.1:0')
    const agent = new TlsAgent({
      keepAlive: true,
      maxSockets: 1,
      ca: readFileSync(authority.cert),
    })
    const ask = async () => {
      const [reply] = (await once(getTls(`${url}/livez`, { agent }), 'response')) as [
        IncomingMessage,
      ]
      const socket = reply.socket as TLSSocket
      await bodyOf(reply)
      return socket
    }
    const before = await ask()
    authority.issue('node', 'second')
    await within(10_000, async () => (await subjectOf(url)) === 'second')
    expect(await ask()).toBe(before)
    expect(before.getPeerCertificate().subject.CN).toBe('first')
    agent.destroy()
    const renewed = lines
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'credentials_renewed')
    expect(renewed.at(-1)).toMatchObject({ what: 'certificate', validUntil: expect.any(String) })
  })

  test.each([
    ['nonsense', () => 'nonsense'],
    ['another key', () => readFileSync(authority.issue('other', 'other').key, 'utf8')],
    ['nothing', () => ''],
  ])('is kept when the new key is %s, and that is logged', async (_, bad) => {
    const node = await secureNode()
    const url = await node.listen('127.0.0.1:0')
    const key = join(authority.folder, 'node.key')
    writeFileSync(key, bad())
    await node.renewCredentials()
    expect(await subjectOf(url)).toBe('first')
    const refused = lines
      .map((line) => JSON.parse(line))
      .find(({ event }) => event === 'credentials_refused')
    expect(refused).toMatchObject({ what: 'certificate', level: 50 })
    expect(refused.err.message).toContain(key)
  })
})

describe.skipIf(openssl !== true)(`files of certificates${why}`, () => {
  test('may name an authority, and only its clients are let in', async () => {
    const clients = new Authority()
    const tls = { ...authority.issue('node', 'first'), clientCa: clients.cert }
    const node = await secureNode({ tls })
    const url = await node.listen('127.0.0.1:0')
    const own = clients.issue('client', 'client')
    const foreign = authority.issue('stranger', 'stranger')
    const words = [
      'check',
      '--url',
      url,
      '--rule',
      'demo',
      '--key',
      'a',
      '--ca-file',
      authority.cert,
    ]
    const asked = (files: { cert: string; key: string } | undefined) => {
      const more = files === undefined ? [] : ['--cert-file', files.cert, '--key-file', files.key]
      return run([...words, ...more], new RecordedTerminal())
    }
    expect(await asked(undefined)).toBe('unreachable')
    expect(await asked(foreign)).toBe('unreachable')
    expect(node.inspect('demo', 'a')).toMatchObject({ limits: [{ level: 0 }] })
    expect(await asked(own)).toBe('ok')
    clients.remove()
  })

  test('that cannot be used are an error at the start that names the file', async () => {
    const good = authority.issue('node', 'first')
    const other = authority.issue('other', 'other')
    const starting = (tls: NodeOptions['tls']) => createNode({ rules: RULES, ...(tls && { tls }) })
    await expect(starting({ ...good, cert: '/nowhere' })).rejects.toThrow('certificate /nowhere')
    await expect(starting({ ...good, key: good.cert })).rejects.toThrow('BEGIN PRIVATE KEY')
    await expect(starting({ ...good, key: other.key })).rejects.toThrow('cannot be used together')
    await expect(starting({ ...good, clientCa: good.key })).rejects.toThrow('client authority')
  })
})

test('a key without a certificate, or the reverse, is an error that says what is missing', () => {
  const problem = (flags: Record<string, string>) => {
    return () => configure({ flags: { rules: 'r', ...flags }, variables: {} })
  }
  expect(problem({ tlsKey: 'k' })).toThrow('--tls-key: --tls-cert is missing')
  expect(problem({ tlsCert: 'c' })).toThrow('--tls-cert: --tls-key is missing')
  expect(problem({ tlsClientCa: 'a' })).toThrow('--tls-client-ca: without TLS')
})

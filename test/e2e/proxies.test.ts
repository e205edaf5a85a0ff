import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram, freePort } from '../../bench/program.ts'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import { Program } from '../support/proxy-program.ts'
import { RealCluster } from '../support/real-cluster.ts'

// Debian's own proxies by the recipes as they are in the repository, but for addresses and paths; behind
// them a real node and an app. What a client sees is the only evidence.

const RECIPES = resolve(import.meta.dirname, '../../deploy/proxies')

const RULES = `version: 1
rules:
  - name: per-user
    match: { path: /api/** }
    key: "{method} {header.x-user}"
    limits: [{ rate: 2/m }]
  - name: login
    match: { method: POST, path: /login }
    key: "{ip}"
    limits: [{ rate: 2/m }]
`

interface Proxy {
  readonly name: string
  readonly versionFlag: string
  /** Puts the recipe into a folder, and returns the words to start the proxy with. */
  words(folder: string, recipe: (name: string) => string): readonly string[]
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    versionFlag: '-v',
    words(folder, recipe) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
        .join('\n')
      const main = `daemon off; user root; pid ${folder}/nginx.pid; error_log stderr; worker_processes 1;
        events {}
        http { access_log off; ${temporary} ${recipe('nginx.conf')} }`
      writeFileSync(join(folder, 'main.conf'), main)
      return ['-p', folder, '-e', 'stderr', '-c', join(folder, 'main.conf')]
    },
  },
  {
    name: 'caddy',
    versionFlag: 'version',
    words(folder, recipe) {
      writeFileSync(join(folder, 'Caddyfile'), `{\n\tadmin off\n}\n${recipe('Caddyfile')}`)
      return ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')]
    },
  },
  {
    name: 'haproxy',
    versionFlag: '-v',
    words(folder, recipe) {
      writeFileSync(join(folder, 'weir.lua'), recipe('weir.lua'))
      const config = recipe('haproxy.cfg').replace('/etc/haproxy/', `${folder}/`)
      writeFileSync(join(folder, 'haproxy.cfg'), config)
      return ['-db', '-f', join(folder, 'haproxy.cfg')]
    },
  },
]

/** A proxy between clients and an app, and the node that it asks. */
class Stand {
  readonly found: true | string
  /** What reached the app. */
  readonly reached: string[] = []
  url = ''
  readonly #proxy: Proxy
  readonly #cluster = new RealCluster()
  readonly #app = createApp(this.reached)
  #program: Program | undefined

  constructor(proxy: Proxy) {
    this.#proxy = proxy
    this.found = findProgram(proxy.name, proxy.versionFlag)
  }

  async start(): Promise<void> {
    const { folder, secretFile, rulesFile } = this.#cluster
    await writePreSharedKey(secretFile)
    writeFileSync(rulesFile, RULES)
    const node = await this.#cluster.launch('n1')
    this.#app.listen(0, '127.0.0.1')
    await once(this.#app, 'listening')
    const port = await freePort()
    this.url = `http://127.0.0.1:${port}`
    const addresses: [string, string][] = [
      ['127.0.0.1:8080', new URL(node.url).host],
      ['127.0.0.1:3000', `127.0.0.1:${(this.#app.address() as AddressInfo).port}`],
      ['127.0.0.1:8000', `127.0.0.1:${port}`],
    ]
    const recipe = (file: string) => {
      const text = readFileSync(join(RECIPES, file), 'utf8')
      return addresses.reduce((filled, [from, to]) => filled.replaceAll(from, to), text)
    }
    this.#program = new Program(this.#proxy.name, this.#proxy.words(folder, recipe), folder)
    await this.#program.listening(port)
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
    this.#app.close()
    this.#app.closeAllConnections()
    await this.#cluster.stop()
  }
}

describe.each(PROXIES)('$name in front of an app', (proxy) => {
  const stand = new Stand(proxy)
  const { found, reached } = stand
  let url: string

  beforeAll(async () => {
    if (found !== true) return
    await stand.start()
    url = stand.url
  })
  afterAll(() => stand.stop())

  test('lets a client pass within its limit, and answers 429 above it', async ({ skip }) => {
    if (found !== true) return skip(found)
    const ask = () => fetch(`${url}/api/items?page=1`, { headers: { 'x-user': 'ada' } })
    for (const left of [1, 0]) {
      const allowed = await ask()
      expect(allowed.status).toBe(200)
      expect(await allowed.text()).toBe('GET /api/items?page=1 ')
      expect(allowed.headers.get('ratelimit')).toMatch(new RegExp(`^"per-user";r=${left};t=\\d+$`))
      expect(allowed.headers.get('ratelimit-policy')).toBe('"per-user";q=2;w=60')
    }
    reached.length = 0
    const denied = await ask()
    expect(denied.status).toBe(429)
    expect(denied.headers.get('ratelimit')).toMatch(/^"per-user";r=0;t=\d+$/)
    expect(denied.headers.get('ratelimit-policy')).toBe('"per-user";q=2;w=60')
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThan(20)
    expect(denied.headers.get('content-type')).toContain('application/problem+json')
    expect(await denied.json()).toMatchObject({ status: 429, title: 'Quota Exceeded' })
    expect(reached).toEqual([])
    const other = await fetch(`${url}/api/items`, { headers: { 'x-user': 'grace' } })
    expect(other.status).toBe(200)
  })

  test('lets no client choose how it is limited', async ({ skip }) => {
    if (found !== true) return skip(found)
    const headers = { 'x-user': 'eve' }
    const statuses: number[] = []
    for (let time = 0; time < 3; time++) {
      statuses.push((await fetch(`${url}/api/?rule=login&key=${time}&cost=0`, { headers })).status)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  test('knows the client by its connection, whatever the client says', async ({ skip }) => {
    if (found !== true) return skip(found)
    const statuses: number[] = []
    for (const forged of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const headers = {
        'x-forwarded-for': forged,
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/',
      }
      const reply = await fetch(`${url}/login`, { method: 'POST', headers, body: forged })
      statuses.push(reply.status)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  test('passes bodies and other methods on as they are', async ({ skip }) => {
    if (found !== true) return skip(found)
    const body = 'x'.repeat(50_000)
    const headers = { 'x-user': 'ada' }
    const reply = await fetch(`${url}/api/items`, { method: 'PUT', headers, body })
    expect(await reply.text()).toBe(`PUT /api/items ${body}`)
  })

  test('leaves alone what falls under no rule, and what the app refuses', async ({ skip }) => {
    if (found !== true) return skip(found)
    for (let time = 0; time < 4; time++) expect((await fetch(`${url}/free`)).status).toBe(200)
    const forbidden = await fetch(`${url}/forbidden`)
    expect([forbidden.status, await forbidden.text()]).toEqual([403, 'GET /forbidden '])
  })

  test('turns away what lacks its key', async ({ skip }) => {
    if (found !== true) return skip(found)
    reached.length = 0
    const reply = await fetch(`${url}/api/items`)
    expect(reply.status).toBe(proxy.name === 'haproxy' ? 400 : 429)
    expect(reached).toEqual([])
  })
})

/** Says what it was asked. */
function createApp(reached: string[]): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const said = `${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`
      reached.push(said)
      response.statusCode = request.url === '/forbidden' ? 403 : 200
      response.end(said)
    })
  })
}

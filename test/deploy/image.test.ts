import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readComposeFile } from './compose-file.ts'
import { Image, readDockerfile } from './dockerfile.ts'
import { ImageTree } from './image-tree.ts'
import { STOP_S_MAX } from './node-mistakes.ts'
import { manifest, repository } from './repository-files.ts'

// What the image holds and how a container of it behaves, with its own commands and variables, as real processes
// of this machine.

const composeText = repository.read('docker-compose.yml')
const compose = readComposeFile(composeText)
const stages = readDockerfile(repository.read('deploy/Dockerfile'))
const image = new Image(stages)
const scratch = mkdtempSync(join(tmpdir(), 'weir-container-'))
const keyFile = join(scratch, 'secret.key')
const READY_MS_MAX = 20_000
let tree: ImageTree

beforeAll(() => {
  tree = new ImageTree(stages)
}, 120_000)
afterAll(() => {
  tree?.remove()
  rmSync(scratch, { recursive: true, force: true })
})

/** A command of the image as one of this machine. */
function here(words: readonly string[]): [string, string[]] {
  const [program, ...rest] = words
  expect(program).toBe('node')
  return [process.execPath, rest.map((word) => (word.startsWith('/app/') ? tree.path(word) : word))]
}

/** The exit code of the image's health check, asked of the data door at this port. */
async function healthCheck(port: number): Promise<unknown> {
  const [program, words] = here(image.healthCheck)
  const ours = words.map((word) => word.replace('127.0.0.1:8080', `127.0.0.1:${port}`))
  expect(ours).not.toEqual(words)
  const [code] = await once(spawn(program, ours, { stdio: 'ignore', timeout: 10_000 }), 'exit')
  return code
}

describe('the image', () => {
  test('has everything the package offers', () => {
    const paths = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    for (const path of [manifest.bin.weir, ...paths]) {
      expect(existsSync(tree.path(join(image.workFolder, path))), path).toBe(true)
    }
  })

  test('has a command that can be executed', () => {
    const main = tree.path(join(image.workFolder, manifest.bin.weir))
    expect(statSync(main).mode & 0o111).toBe(0o111)
    expect(spawnSync(process.execPath, [main, '--version']).status).toBe(0)
  })

  test('makes the key with the command that the compose file names', () => {
    const [, command = ''] = /docker run --rm \S+ (.+?) > \S+/.exec(composeText) ?? []
    const [program, words] = here([...image.entrypoint, ...command.split(' ')])
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/)
    writeFileSync(keyFile, stdout)
  })
})

describe('the health check', () => {
  test('fails at a node that is not ready, and where nothing listens', async () => {
    const asked: unknown[] = []
    const server = createServer((request, response) => {
      asked.push(request.url)
      response.writeHead(503, { connection: 'close' }).end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    expect(await healthCheck(port)).toBe(1)
    expect(asked).toEqual(['/readyz'])
    server.close()
    await once(server, 'close')
    expect(await healthCheck(port)).toBe(1)
  })
})

describe('a container of the first service', () => {
  let container: ChildProcess
  let log = ''
  let port = 0

  beforeAll(async () => {
    const [program, words] = here([...image.entrypoint, ...image.command, '--json'])
    const service = compose.services['weir-1']
    const rulesFile = compose.configs.rules?.file ?? ''
    container = spawn(program, words, {
      env: {
        ...image.environment,
        ...service?.environment,
        // Paths and addresses of this machine; alone, because the other names mean nothing here.
        WEIR_LISTEN: '127.0.0.1:0',
        WEIR_ADMIN: '127.0.0.1:0',
        WEIR_PEER_LISTEN: '127.0.0.1:0',
        WEIR_ADVERTISE: '',
        WEIR_SEEDS: '',
        WEIR_SECRET_FILE: keyFile,
        WEIR_DATA_DIR: join(scratch, 'data'),
        WEIR_RULES: join(repository.root, rulesFile),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    container.stderr?.on('data', (chunk) => {
      log += chunk
    })
    if (container.stdout === null) throw new Error('the process has no output')
    const [line] = await once(createInterface(container.stdout), 'line')
    const announcement = JSON.parse(String(line)) as { name: string; http: readonly string[] }
    expect(announcement.name).toBe('weir-1')
    port = Number(new URL(announcement.http[0] ?? '').port)
  }, 60_000)
  afterAll(() => {
    container?.kill('SIGKILL')
  })

  test('becomes healthy', { timeout: 2 * READY_MS_MAX }, async () => {
    await vi.waitFor(async () => expect(await healthCheck(port)).toBe(0), READY_MS_MAX)
  })

  test('has its metrics where Prometheus looks for them', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(await answer.text()).toContain('rate_limiter_checks_total{result="denied"')
  })

  test('answers what the compose file says to ask', async () => {
    const [, path] = /127\.0\.0\.1:\d+(\/v1\/gate\S+?)'/.exec(composeText) ?? []
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    expect(answer.status).toBe(204)
  })

  test('keeps its identity in the data folder', () => {
    expect(existsSync(join(scratch, 'data/identity.key'))).toBe(true)
  })

  test('ends by itself on SIGTERM, without a warning', {
    timeout: STOP_S_MAX * 1_000,
  }, async () => {
    const ended = once(container, 'exit')
    container.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(await healthCheck(port)).toBe(1)
    expect(log).toContain('"event":"stopped"')
    expect(log).not.toMatch(/"level":"(warn|error|fatal)"/)
  })
})

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/cli/exit-code.ts'
import type { ServeAnnouncement } from '../../src/cli/serving.ts'
import { DEMO_RULES } from '../../src/rules/demo.ts'

// The command as a process: what it loads, how it ends.

const main = resolve(import.meta.dirname, '../../dist/src/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'weir-command-'))
const rules = join(folder, 'rules.yaml')
writeFileSync(rules, DEMO_RULES)

const running = new Set<ChildProcess>()
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})
afterAll(() => rmSync(folder, { recursive: true }))

function weir(...words: string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' })
}

/** A module hook under which importing any part of libp2p fails. */
const withoutNetwork = (() => {
  const hook = `export async function resolve(specifier, context, next) {
    if (/^(libp2p|@libp2p|@chainsafe|@multiformats)(\\/|$)/.test(specifier)) {
      throw new Error('network library ' + specifier)
    }
    return next(specifier, context)
  }`
  const data = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  return data(`import { register } from 'node:module'; register(${JSON.stringify(data(hook))})`)
})()

const alone = ['--rules', rules, '--peer-listen', 'none', '--admin', '127.0.0.1:0']

interface Served extends ServeAnnouncement {
  readonly child: ChildProcess
  readonly log: string[]
}

async function serve(...words: string[]): Promise<Served> {
  const child = spawn(process.execPath, [main, 'serve', '--json', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const log: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { ...(JSON.parse(line) as ServeAnnouncement), child, log }
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  const [code, signal] = await once(child, 'exit')
  return code ?? signal
}

describe('the command loads no network library', () => {
  it.each([
    [['--version']],
    [['rules', 'check', rules]],
    [['rules', 'schema']],
    [['keygen']],
    [['serve', '--help']],
    [['dev', '--help']],
  ])('for %j', (words) => {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', withoutNetwork, main, ...words],
      { encoding: 'utf8' },
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('for questions, which end at a node that is not there', () => {
    const nobody = `unix:${join(folder, 'nobody.sock')}`
    const one = ['--rule', 'demo', '--key', 'a']
    for (const words of [
      ['check', '--url', nobody, ...one],
      ['gate', '--url', nobody, ...one],
      ['peek', '--url', nobody, ...one],
      ['explain', '--url', nobody, ...one],
      ['reset', '--admin', nobody, ...one],
      ['cluster', 'status', '--admin', nobody],
    ]) {
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--import', withoutNetwork, main, ...words],
        { encoding: 'utf8' },
      )
      expect({ status, stderr }).toMatchObject({
        status: EXIT_CODES.unreachable,
        stderr: expect.stringMatching(/^weir: no answer from unix:/),
      })
    }
  })

  it('but to serve: without it the command fails', () => {
    const words = ['--import', withoutNetwork, main, 'serve', '--rules', rules]
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
    expect(status).toBe(EXIT_CODES.failure)
    expect(stderr).toContain('network library')
  })
})

describe('a command that nobody listens to any more', () => {
  const start = (...words: string[]) => {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    return child
  }

  it.each([[['sim', 'list']], [['--help']], [['rules', 'schema']]])(
    'ends quietly: %j',
    async (words) => {
      const child = start(...words)
      child.stdout.destroy()
      let complaint = ''
      child.stderr.setEncoding('utf8').on('data', (text) => {
        complaint += text
      })
      expect({ code: await exitOf(child), complaint }).toEqual({
        code: EXIT_CODES.ok,
        complaint: '',
      })
    },
  )

  it('has the exit code that it would have', async () => {
    const child = start('keygen', '--bogus')
    child.stderr.destroy()
    expect(await exitOf(child)).toBe(EXIT_CODES.usage)
  })
})

describe('weir serve', () => {
  it('answers checks by TCP and by a Unix socket, and ends with 0 when asked to', async () => {
    const socket = `unix:${join(folder, 'weir.sock')}`
    const { http, name, pid, child, log } = await serve(
      ...alone,
      ...['--name', 'solo', '--listen', `127.0.0.1:0,${socket}`],
    )
    expect({ name, pid, last: http[1] }).toEqual({ name: 'solo', pid: child.pid, last: socket })
    for (const address of http) {
      const { status, stdout } = weir(
        ...['check', '--url', address, '--rule', 'login', '--key', address, '-o', 'json'],
      )
      expect(status).toBe(EXIT_CODES.ok)
      expect(JSON.parse(stdout)).toMatchObject({ allowed: true, node: 'solo' })
    }
    const refused = ['check', '--url', http[0] ?? '', '--rule', 'login', '--key', 'x']
    expect(weir(...refused, '--cost', '5').status).toBe(EXIT_CODES.ok)
    expect(weir(...refused).status).toBe(EXIT_CODES.denied)
    expect(weir(...refused, '--cost', '6').status).toBe(EXIT_CODES.rejected)

    child.kill('SIGTERM')
    expect(await exitOf(child)).toBe(EXIT_CODES.ok)
    const events = log.map((line) => (JSON.parse(line) as { event: string }).event)
    expect(events.filter((event) => /^st(art|opp)/.test(event))).toEqual([
      'started',
      'stopping',
      'stopped',
    ])
  })

  it('ends at once by a second signal', async () => {
    const { child, log } = await serve(...alone, '--listen', '127.0.0.1:0')
    child.kill('SIGTERM')
    await expect.poll(() => log.some((line) => line.includes('"stopping"'))).toBe(true)
    // A repeat within a tenth of a second is taken for the same request, so this one is repeated.
    const again = setInterval(() => child.kill('SIGINT'), 50)
    expect(await exitOf(child)).toBe(128 + 2)
    clearInterval(again)
  })

  it('does not start with rules, a key or an address that cannot be used', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const bad = join(folder, 'bad.yaml')
    writeFileSync(bad, 'version: 1\nrules: [{ name: a, limits: [{ rate: 5/sec }] }]\n')
    for (const [words, told] of [
      [['--listen', `127.0.0.1:${port}`, ...alone], 'cannot start: --listen: listen EADDRINUSE'],
      [['--peer-listen', 'none', '--rules', bad], `${bad}:2:37 rate "5/sec"`],
      [['--rules', rules, '--secret-file', join(folder, 'none.key')], 'none.key'],
      [['--rules', rules, '--peer-listen', '0.0.0.0:0'], 'without a shared key'],
    ] as const) {
      const { status, stderr } = weir('serve', ...words)
      expect(stderr).toContain(told)
      expect(status).toBe(EXIT_CODES.configuration)
    }
    taken.close()
  })
})

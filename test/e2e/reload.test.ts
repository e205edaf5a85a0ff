import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test, vi } from 'vitest'
import type { ServeAnnouncement } from '../../src/cli/serving.ts'

// Rules that change under a running node, the ways in which operators change them.

const main = resolve(import.meta.dirname, '../../dist/src/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'weir-reload-'))
let child: ChildProcess | undefined

afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
})

const rulesOf = (rate: string) =>
  `version: 1\nrules:\n  - { name: r, limits: [{ rate: ${rate} }] }\n`

interface Line {
  readonly event: string
  readonly differences?: readonly string[]
  readonly problems?: readonly string[]
}

async function serve(file: string) {
  const words = ['serve', '--json', '--rules', file, '--peer-listen', 'none']
  const listen = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const started = spawn(process.execPath, [main, ...words, ...listen], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child = started
  const log: Line[] = []
  createInterface({ input: started.stderr }).on('line', (line) => log.push(JSON.parse(line)))
  const [line] = (await once(createInterface({ input: started.stdout }), 'line')) as [string]
  const url = (JSON.parse(line) as ServeAnnouncement).http[0]
  const body = (cost: number) => JSON.stringify({ rule: 'r', key: 'alice', cost })
  const headers = { 'content-type': 'application/json' }
  const check = async (cost: number) => {
    const answer = await fetch(`${url}/v1/check`, { method: 'POST', headers, body: body(cost) })
    return (await answer.json()) as { limit: number; remaining: number }
  }
  const logged = (event: string) =>
    vi.waitFor(
      () => {
        const found = log.find((one) => one.event === event)
        if (found === undefined) throw new Error(`no ${event} in ${JSON.stringify(log)}`)
        log.splice(0, log.indexOf(found) + 1)
        return found
      },
      { timeout: 10_000 },
    )
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  await logged('started')
  return { check, logged, metrics, process: started }
}

test('a file that is written anew counts at once, and keeps what was consumed', async () => {
  const file = join(folder, 'rules.yaml')
  writeFileSync(file, rulesOf('100/h'))
  const { check, logged, metrics } = await serve(file)
  expect(await check(40)).toMatchObject({ limit: 100, remaining: 60 })

  writeFileSync(file, rulesOf('50/h'))
  const { differences } = await logged('rules_changed')
  expect(differences).toEqual([expect.stringContaining('100/h')])
  expect(await check(0)).toMatchObject({ limit: 50, remaining: 10 })
  expect(await metrics()).toMatch(/rate_limiter_config_reloads_total\{result="changed"\} 1/)
})

test('a bad file keeps the old rules, says where, and is counted; SIGHUP reads again', async () => {
  const file = join(folder, 'rules.yaml')
  writeFileSync(file, rulesOf('100/h'))
  const { check, logged, metrics, process } = await serve(file)

  writeFileSync(file, rulesOf('100/fortnight'))
  const { problems } = await logged('rules_refused')
  expect(problems?.join('\n')).toContain(`${file}:3:`)
  expect(await check(1)).toMatchObject({ limit: 100, remaining: 99 })
  expect(await metrics()).toMatch(/rate_limiter_config_last_reload_successful 0/)

  rmSync(file)
  await logged('rules_refused')
  expect(await check(1)).toMatchObject({ limit: 100, remaining: 98 })

  writeFileSync(file, rulesOf('200/h'))
  await logged('rules_changed')
  process.kill('SIGHUP')
  await logged('rules_unchanged')
  expect(await metrics()).toMatch(/rate_limiter_config_last_reload_successful 1/)
  expect(await check(0)).toMatchObject({ limit: 200 })
})

test('a ConfigMap is a link that is swapped beside the file', async () => {
  const version = (name: string, rate: string) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'rules.yaml'), rulesOf(rate))
  }
  version('..2026_01', '100/h')
  symlinkSync('..2026_01', join(folder, '..data'))
  symlinkSync('..data/rules.yaml', join(folder, 'rules.yaml'))
  const { check, logged } = await serve(join(folder, 'rules.yaml'))
  expect(await check(1)).toMatchObject({ limit: 100 })

  version('..2026_02', '300/h')
  symlinkSync('..2026_02', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  await logged('rules_changed')
  expect(await check(1)).toMatchObject({ limit: 300, remaining: 298 })
})

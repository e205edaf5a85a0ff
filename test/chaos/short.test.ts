import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { GroundName } from './ground.ts'
import { groundMissing } from './ground.ts'
import type { Outcome } from './inject.ts'

// The most telling faults, once each. `npm run chaos` tries all of them, many times.

const FAULTS: Readonly<Record<string, GroundName>> = {
  'kill-owner': 'loopback',
  'leave-owner': 'loopback',
  'pause-owner-1s': 'loopback',
  'cut-owner': 'proxied',
}
const repository = resolve(import.meta.dirname, '../..')

let outcomes: readonly Outcome[] = []

beforeAll(async () => {
  outcomes = await chaos(Object.keys(FAULTS))
})

/** It ends with 1 when something is violated: the tests below say what. */
function chaos(faults: readonly string[]): Promise<readonly Outcome[]> {
  const only = faults.flatMap((fault) => ['--only', fault])
  const words = ['dist/test/chaos/main.js', '--times', '1', '--json', ...only]
  return new Promise((settle, reject) => {
    execFile(process.execPath, words, { cwd: repository }, (error, stdout, stderr) => {
      console.log(stderr)
      if (stdout === '') reject(error)
      else settle((JSON.parse(stdout) as { outcomes: Outcome[] }).outcomes)
    })
  })
}

describe.each(Object.entries(FAULTS))('real nodes: %s', (name, ground) => {
  const missing = groundMissing(ground)

  test('within the bound, nobody without an answer, nobody held dead that answers', ({ skip }) => {
    skip(missing !== undefined, missing)
    const outcome = outcomes.find(({ fault }) => fault === name)
    expect(outcome).toMatchObject({ isWithin: true, lost: 0, odd: {}, falseDeaths: [] })
    expect(outcome?.violations).toEqual([])
    expect(outcome?.checks).toBeGreaterThan(200)
  })
})

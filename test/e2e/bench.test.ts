import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

// That the benchmark runs, from its build to its last line. What it finds is for people to judge.

const repository = resolve(import.meta.dirname, '../..')

function bench(...words: string[]) {
  return npmRun('bench', ...words)
}

function npmRun(script: string, ...words: string[]) {
  return spawnSync('npm', ['run', script, '--', ...words], { cwd: repository, encoding: 'utf8' })
}

test('a quick benchmark measures the row it is asked for and ends in one line of JSON', () => {
  const { status, stdout, stderr } = bench('--quick', '--json', '--only', 'decision-1k')
  expect(status, stderr).toBe(0)
  const { rows } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(rows).toEqual([
    {
      name: 'decision-1k',
      value: expect.any(Number),
      target: expect.stringMatching(/^≤ \d+$/),
      met: expect.any(Boolean),
    },
  ])
  expect(stderr).toMatch(/decision-1k .* ns .*(met|MISSED)/)
})

test('a row that does not exist is refused with the rows that do', () => {
  const { status, stderr } = bench('--only', 'speed')
  expect(status).not.toBe(0)
  expect(stderr).toContain('--only speed: there is no such row')
  expect(stderr).toContain('http-gate')
})

test('limiters in the memory of three processes let through more than one limit, and Weir does not', () => {
  const only = ['--only', 'weir', '--only', 'express-rate-limit']
  const { status, stdout, stderr } = npmRun('bench:peers', '--quick', '--json', ...only)
  expect(status, stderr).toBe(0)
  const { findings } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  const [weir, express] = findings
  expect([weir.peer, express.peer]).toEqual(['weir', 'express-rate-limit'])
  expect(weir.accuracy.three[0].largest).toBeLessThan(1.1)
  expect(express.accuracy.three[0].all).toBeGreaterThan(1.5)
  expect(express.speeds[0].all[0]).toBeGreaterThan(0)
  expect(stderr).toContain('| Weir, forwarded |')
}, 120_000)

test('a limiter that does not exist is refused with those that do', () => {
  const { status, stderr } = npmRun('bench:peers', '--only', 'memcached')
  expect(status).not.toBe(0)
  expect(stderr).toContain('--only memcached: there is no such limiter')
  expect(stderr).toContain('rate-limiter-flexible')
})

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

// The simulator as a process: only there it has threads.

const dist = resolve(import.meta.dirname, '../../dist')

function run(main: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve(dist, main), ...words], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('prints the same with one thread and with several', () => {
  const words = ['phase-locked-kill', '--seeds', '6', '--json']
  const alone = run('sim/main.js', ...words, '--threads', '1')
  expect(alone).toMatchObject({ status: 0, stderr: '' })
  expect(JSON.parse(alone.stdout)).toMatchObject({ nodes: 3, bound: 100 })
  expect(run('sim/main.js', ...words, '--threads', '3')).toEqual(alone)
})

test('is a part of the command that ships', () => {
  const { status, stdout } = run('src/cli/main.js', 'sim', 'list')
  expect(status).toBe(0)
  expect(stdout).toContain('phase-locked-kill')
  expect(run('src/cli/main.js', 'sim', 'phase-lock-kill')).toEqual({
    status: 2,
    stdout: '',
    stderr:
      'weir sim: there is no study, scenario or command "phase-lock-kill" (did you mean "phase-locked-kill"?)\n',
  })
})

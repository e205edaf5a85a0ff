import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ORACLES } from '../../sim/checkers/all.ts'
import { judge } from '../../sim/swarm/judge.ts'
import { type Regression, regressionName } from '../../sim/swarm/regression.ts'

// Experiments that once went wrong, made as small as they could be: `npm run sim -- swarm` saves them here.

const folder = new URL('regressions/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

describe('what once went wrong', () => {
  test('has a file for each, or there is none', ({ skip }) => {
    skip(files.length === 0, 'nothing was saved so far')
    for (const file of files) expect(regressionName(read(file))).toBe(file)
  })

  test.each(files)('%s does not happen again', (file) => {
    expect(judge(read(file).experiment, ORACLES).outcome.violations).toEqual([])
  })
})

function read(file: string): Regression {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
}

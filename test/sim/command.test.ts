import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { simulate } from '../../sim/command/program.ts'
import { logging, SILENT } from '../../sim/command/screen.ts'
import { SCENARIOS } from '../../sim/scenarios/all.ts'
import { drawExperiment } from '../../sim/swarm/draw.ts'
import type { ExitCode } from '../../src/cli/exit-code.ts'
import { run } from '../../src/cli/program.ts'
import { RecordedTerminal } from '../cli/recorded-terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-sim-'))
afterAll(() => rmSync(folder, { recursive: true }))

const KILL_N99 = { atMs: 1, type: 'kill', node: 'n99' }

let terminal: RecordedTerminal
beforeEach(() => {
  terminal = new RecordedTerminal()
})

function sim(...words: string[]): Promise<ExitCode> {
  return simulate(words, terminal, { caller: 'npm run sim --', screen: SILENT })
}

describe('one scenario', () => {
  test('prints one JSON object with all of its verdict', async () => {
    expect(await sim('phase-locked-kill', '--seed', '2', '--json')).toBe('ok')
    expect(terminal.printed).toHaveLength(1)
    const verdict = JSON.parse(terminal.printed[0] ?? '')
    expect(Object.keys(verdict)).toEqual([
      'scenario',
      'seed',
      'nodes',
      'admitted',
      'ideal',
      'overshoot',
      'bound',
      'withinBound',
      'convergedMs',
      'traceHash',
      'repeat',
    ])
    expect(verdict).toMatchObject({ scenario: 'phase-locked-kill', seed: 2, nodes: 3, bound: 100 })
    expect(verdict).toMatchObject({ withinBound: true })
    expect(verdict.overshoot).toBeGreaterThan(90)
    expect(verdict.repeat).toBe('npm run sim -- phase-locked-kill --seed 2')
  })

  test('is repeated exactly by the command it prints', async () => {
    await sim('phase-locked-kill', '--seed', '4', '--nodes', '4', '--policy', 'share', '--json')
    const first = JSON.parse(terminal.printed[0] ?? '')
    await sim(...first.repeat.replace('npm run sim -- ', '').split(' '), '--json')
    expect(JSON.parse(terminal.printed[1] ?? '')).toEqual(first)
  })

  test('ends in a table for people, the worst of its seeds', async () => {
    expect(await sim('phase-locked-kill', '--seeds', '2', '--threads', '1')).toBe('ok')
    const [heading, line = '', summary = ''] = terminal.printed
    expect(heading).toMatch(/^\*\*SCENARIO +FORMULA +BOUND +WORST +TIGHT +SEED +OF +VERDICT\*\*$/)
    expect(line).toMatch(
      /^phase-locked-kill +min\(B, u\) ≤ B +100 +9\d(\.\d)? +9\d% +[12] +2 +within$/,
    )
    expect(summary.trim()).toMatch(
      /^2 runs, [\d,]+ events, .* events per second of processor time$/,
    )
  })

  test('writes a report', async () => {
    const report = join(folder, 'report')
    expect(await sim('phase-locked-kill', '--report', report)).toBe('ok')
    expect(readdirSync(report).sort()).toEqual([
      'bounds.png',
      'bounds.svg',
      'index.html',
      'report.json',
    ])
    expect(terminal.complaints).toEqual([`report: ${join(report, 'index.html')}`])
  })

  test('stops where it is told to, and shows what every node knows', async () => {
    expect(await sim('kill-owner', '--seed', '2', '--until', '3050')).toBe('ok')
    const text = terminal.printed.join('\n')
    expect(text).toMatch(/^n\d: down$/m)
    expect(text).toMatch(/^n\d: active, life 1, clock \+0 ms$/m)
    expect(text).toMatch(/^ {2}ring [0-9a-f]{8}: n\d n\d$/m)
    expect(text).toMatch(/level 100 of 100 +owner n\d +acting +n\d#…\d{4}: \d+/)
  })
})

describe('the swarm', () => {
  test('says what it saw, and that a few seeds found nothing', async () => {
    await sim('swarm', '--seeds', '1', '--seed', '4', '--threads', '1', '--save', folder)
    const text = terminal.printed.join('\n')
    expect(text).toMatch(/^cached refusal +[\d,]+$/m)
    expect(text).toContain('of 1 seeds violated something')
  })

  test('tells the bound and the coverage in JSON', async () => {
    await sim('swarm', '--seeds', '1', '--seed', '4', '--json', '--threads', '1', '--save', folder)
    const verdict = JSON.parse(terminal.printed[0] ?? '')
    expect(verdict).toMatchObject({ scenario: 'swarm', seed: 4, nodes: 5, seeds: 1 })
    expect(verdict.repeat).toBe('npm run sim -- swarm --seed 4 --seeds 1')
    expect(verdict.coverage.admitted).toBeGreaterThan(0)
  })
})

describe('an experiment in a file', () => {
  const file = join(folder, 'experiment.json')
  const experiment = drawExperiment(8, { safetyMs: 3_000 })

  test('is run again, with or without what it once violated', async () => {
    const violated = { invariant: 1, oracle: 'bounded overshoot', atMs: 1, what: 'too much' }
    for (const content of [experiment, { violated, experiment }]) {
      writeFileSync(file, JSON.stringify(content))
      await sim('run', file, '--json')
    }
    const [first, second] = terminal.printed.map((line) => JSON.parse(line))
    expect(first).toMatchObject({ seed: 8, repeat: `npm run sim -- run ${file}` })
    expect(second).toEqual(first)
  })

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'is no experiment: it lacks "seed"'],
    ['{"seed": 1}', 'is no experiment: it lacks "nodes", "rules"'],
    [
      JSON.stringify({ ...experiment, nodes: 'x', faults: null }),
      'is no experiment: "nodes", "faults"',
    ],
    [JSON.stringify({ ...experiment, nodes: 0 }), 'is no experiment: "nodes"'],
    [JSON.stringify({ ...experiment, faults: [KILL_N99] }), 'has no node n99'],
  ])('that holds %s is refused', async (content, why) => {
    writeFileSync(file, content)
    expect(await sim('run', file)).toBe('configuration')
    expect(terminal.complaints[0]).toContain(`${file} ${why}`)
  })

  test('that is not there is refused', async () => {
    expect(await sim('run', join(folder, 'nowhere.json'))).toBe('configuration')
    expect(terminal.complaints[0]).toContain('cannot be read')
  })
})

describe('words that mean nothing', () => {
  test.each([
    [['kil-owner'], '(did you mean "kill-owner"?)'],
    [['swrm'], '(did you mean "swarm"?)'],
    [['qqqqqqq'], '("list" names all)'],
    [['kill-owner', '--nodes', '0'], 'whole number from 1 to'],
    [['kill-owner', '--policy', 'closd'], 'majority, share, open, closed'],
    [['swarm', '--policy', 'share'], "unknown option '--policy'"],
    [['swarm', '--seeds', '3', '--minutes', '1'], 'cannot be used with'],
    [['run'], "missing required argument 'file'"],
    [['scale', '--seeds', '2'], "unknown option '--seeds'"],
    [['gossip', '--policy', 'share'], "unknown option '--policy'"],
    [['partition', '--nodes', '1'], 'a split takes at least 2 nodes, not 1'],
    [['convergence', '--nodes', '2'], 'at least 3 nodes, not 2'],
    [['gossip', '--nodes', '2'], 'at least 3 nodes, not 2'],
    [['compare', '--nodes', '2'], 'at least 3 nodes, not 2'],
    [['leave-to-dying-successor', '--nodes', '1'], 'a story of more than one node'],
  ])('%j', async (words, why) => {
    expect(await sim(...words)).toBe('usage')
    expect(terminal.complaints.join('\n')).toContain(why)
  })
})

describe('what cannot be written is said before anything is run', () => {
  const file = join(folder, 'in-the-way')
  writeFileSync(file, '')

  test.each([
    [['phase-locked-kill', '--report', file], 'a file has that name: choose another directory'],
    [['partition', '--report', join(file, 'below')], 'choose another directory'],
    [['all', '--write', join(folder, 'nowhere.md')], 'cannot write the table into'],
    [['all', '--write', file], 'to write the table between: add both lines'],
  ])('%j', async (words, why) => {
    expect(await sim(...words)).toBe('configuration')
    expect(terminal.complaints).toHaveLength(1)
    expect(terminal.complaints[0]).toContain(why)
    expect(terminal.printed).toEqual([])
  })
})

test('the list names every scenario', async () => {
  expect(await sim('list')).toBe('ok')
  const text = terminal.printed.join('\n')
  for (const { name } of SCENARIOS) expect(text).toContain(`  ${name} `)
})

test('without any word there is help', async () => {
  expect(await sim()).toBe('ok')
  expect(terminal.printed.join('\n')).toContain('Usage: npm run sim --')
})

test('weir sim is the same command', async () => {
  expect(await run(['sim', 'phase-locked-kill', '--seed', '2', '--json'], terminal)).toBe('ok')
  const { repeat } = JSON.parse(terminal.printed[0] ?? '')
  expect(repeat).toBe('weir sim phase-locked-kill --seed 2')
  await run(['sim', '--help'], terminal)
  expect(terminal.printed.join('\n')).toContain('Usage: weir sim')
})

test('a log shows progress once a minute, and nothing of what is over sooner', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const lines: string[] = []
    const screen = logging((line) => lines.push(line))
    for (let second = 1; second <= 150; second++) {
      vi.advanceTimersByTime(1_000)
      screen.show(`${second} s`)
    }
    screen.clear()
    expect(lines).toEqual(['60 s\n', '120 s\n'])
  } finally {
    vi.useRealTimers()
  }
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/cli/exit-code.ts'
import { run } from '../../src/cli/program.ts'
import { flagOf, OPTION_NAMES, OPTIONS, variableOf } from '../../src/options.ts'
import { UNIT_MS } from '../../src/rules/rate.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

function page(name: string): string {
  return readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')
}

/** Cells of the table under this heading, without their code marks. */
function table(text: string, heading: readonly string[]): string[][] {
  const rows = text.split('\n').map(cellsOf)
  const start = rows.findIndex((cells) => cells.join() === heading.join())
  expect(start).toBeGreaterThan(0)
  const end = rows.findIndex((cells, index) => index > start && cells.length === 0)
  return rows.slice(start + 2, end)
}

function cellsOf(line: string): string[] {
  const cells = line.split('|').slice(1, -1)
  return cells.map((cell) => cell.trim().replaceAll('`', ''))
}

describe('the reference of options', () => {
  const text = page('options.md')

  it('names every option, its flag, its variable and its default, and no other', () => {
    const documented = table(text, ['property', 'flag', 'variable', 'default'])
    const actual = OPTION_NAMES.map((name) => {
      const { fallback, fallbackInWords } = OPTIONS[name]
      return [name, flagOf(name), variableOf(name), fallbackInWords ?? fallback]
    })
    expect(documented).toEqual(actual)
  })

  it('explains every option once, and no other', () => {
    const explained = [...text.matchAll(/^\*\*`(\w+)`\*\*/gm)].map(([, name]) => name)
    expect(explained.sort()).toEqual([...OPTION_NAMES].sort())
  })

  it('agrees with the usage text', async () => {
    const terminal = new RecordedTerminal()
    await run(['serve', '--help'], terminal)
    const usage = terminal.printed.join('\n')
    const flags = [...usage.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag)
    expect(flags).toEqual(['--config', '--json', ...OPTION_NAMES.map(flagOf)])
  })
})

describe('the reference of the command line', () => {
  const text = page('cli.md')

  it('names every exit code, and no other', () => {
    const documented = table(text, ['code', 'name', 'meaning']).map(([code, name]) => [
      name,
      Number(code),
    ])
    expect(documented).toEqual(Object.entries(EXIT_CODES))
  })

  it('names commands that exist', async () => {
    for (const [command = ''] of table(text, ['command', 'does'])) {
      const terminal = new RecordedTerminal()
      expect(await run([...command.split(' ').slice(1), '--help'], terminal)).toBe('ok')
      expect(terminal.printed[0]).toContain(`Usage: ${command}`)
    }
  })

  it('names every event that serving a node logs by itself, and no other', () => {
    const files = [
      'cli/serve.ts',
      'cli/run-node.ts',
      'cli/workers.ts',
      'cli/rules-watch.ts',
      'index.ts',
      'reloading.ts',
    ]
    const sources = files.map((file) =>
      readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8'),
    )
    const logged = new Set(
      [...sources.join('').matchAll(/event: '(\w+)'/g)].map(([, event]) => event),
    )
    const documented = table(text, ['event', 'when']).map(([event]) => event)
    expect(documented.sort()).toEqual([...logged].sort())
  })
})

describe('the reference of rules', () => {
  it('names every unit', () => {
    for (const unit of Object.keys(UNIT_MS)) expect(page('rules.md')).toContain(`\`${unit}\``)
  })
})

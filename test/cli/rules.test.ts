import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { parseLogLine } from '../../src/cli/access-log.ts'
import { run } from '../../src/cli/program.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-cli-rules-'))
afterAll(() => rmSync(folder, { recursive: true }))

let terminal: RecordedTerminal
beforeEach(() => {
  terminal = new RecordedTerminal()
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const RULES = `version: 1
rules:
  - { name: login, match: { method: POST, path: /login }, key: "{ip}", limits: [{ rate: 2/m }] }
  - { name: agents, key: "{header.user-agent}", on_missing_key: skip, limits: [{ rate: 3/h }], mode: shadow }
  - { name: jobs, limits: [{ rate: 1/s, algorithm: sliding-window }] }
`

describe('weir rules diff', () => {
  async function diff(before: string, after: string): Promise<string[]> {
    const paths = [file('before.yaml', before), file('after.yaml', after)]
    expect(await run(['rules', 'diff', ...paths], terminal)).toBe('ok')
    return terminal.printed
  }

  it('says when nothing changes, however it is written', async () => {
    const other = RULES.replace('2/m', '2/60s').replace('POST', '[POST]')
    expect(await diff(RULES, other)).toEqual(['nothing changes'])
  })

  it('tells each change in words', async () => {
    const after = `${RULES.replace('2/m', '20/m').replace('name: jobs', 'name: tasks').replace(', mode: shadow', ', block: 90s')}
overrides: [{ rule: login, key: "10.*", limits: unlimited }]
`
    expect(await diff(RULES, after)).toEqual([
      'rule jobs is removed',
      'rule login: limits 2/m burst 2 -> 20/m burst 20',
      'rule agents: mode shadow -> enforce',
      'rule agents: block is now 90s',
      'rule tasks is added: 1/s sliding-window',
      'override of login for "10.*" is added: unlimited',
    ])
  })
})

describe('weir rules replay', () => {
  const line = (second: number, request: string, ip = '10.0.0.1', agent = 'curl') =>
    `${ip} - - [21/Nov/2026:12:00:${`${second}`.padStart(2, '0')} +0100] "${request} HTTP/1.1" 200 12 "-" "${agent}"`

  it('reports who would have been denied', async () => {
    const lines = [
      line(0, 'POST /login'),
      line(1, 'POST /login?a=b'),
      line(2, 'POST /login'),
      line(3, 'POST /login', '10.0.0.2'),
      line(40, 'POST /login'),
      'nonsense',
      line(41, 'GET /', '10.0.0.3', '-'),
    ]
    const paths = [file('rules.yaml', RULES), file('access.log', lines.join('\n'))]
    expect(await run(['rules', 'replay', ...paths], terminal)).toBe('ok')
    expect(terminal.printed).toEqual([
      '6 requests, 1 would have been denied, 1 fall under no rule',
      '1 lines are not of the combined format and were left out',
      '',
      '**RULE     REQUESTS   REFUSED   MODE**',
      'login    5          1         enforce',
      'agents   5          2         shadow',
      '',
      '**Refused most**',
      '  agents   "curl"       2',
      '  login    "10.0.0.1"   1',
    ])
  })

  it('says when there is no log', async () => {
    const rules = file('rules.yaml', RULES)
    expect(await run(['rules', 'replay', rules, join(folder, 'none')], terminal)).toBe(
      'configuration',
    )
    expect(terminal.complaints[0]).toContain('the log cannot be read')
  })
})

describe('a line of an access log', () => {
  it('tells when and what', () => {
    const logged = parseLogLine(
      '::1 - bob [10/Oct/2000:13:55:36 -0700] "GET /a?b=c%20d HTTP/1.0" 200 - "http://x/" "a \\"b\\""',
    )
    expect(logged?.atMs).toBe(Date.parse('2000-10-10T20:55:36Z'))
    expect(logged?.facts).toMatchObject({ ip: '::1', method: 'GET', path: '/a?b=c%20d' })
    expect(logged?.facts.query('b')).toBe('c d')
    expect(logged?.facts.header('referer')).toBe('http://x/')
  })

  it.each(['', 'x', '1.2.3.4 - - [99/Foo/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1'])(
    'is of another format: %j',
    (text) => {
      expect(parseLogLine(text)).toBeUndefined()
    },
  )
})

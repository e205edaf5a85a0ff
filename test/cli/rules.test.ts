import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

describe('weir rules test', () => {
  const test = (rules: string, requests: string) =>
    run(['rules', 'test', file('rules.yaml', rules), file('requests.yaml', requests)], terminal)

  it('is content when all is as expected: the example of the reference', async () => {
    const page = readFileSync(new URL('../../docs/reference/rules.md', import.meta.url), 'utf8')
    const [rules = '', requests = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(
      ([, text]) => text,
    )
    expect([await test(rules, requests), terminal.printed]).toEqual([
      'ok',
      ['5 requests as expected'],
    ])
  })

  it('reads the whole query of a path, as a node does', async () => {
    const rules = 'rules: [{ name: next, key: "{query.next}", limits: [{ rate: 1/m }] }]\n'
    const requests = `requests:
  - { path: "/go?next=/a?page=1", expect: allow }
  - { path: "/go?next=/a?page=2", expect: allow }
`
    expect([await test(`version: 1\n${rules}`, requests), terminal.printed]).toEqual([
      'ok',
      ['2 requests as expected'],
    ])
  })

  it('tells each request that is decided otherwise, and by which rule', async () => {
    const requests = `requests:
  - { method: POST, path: /login, ip: 10.0.0.1, expect: allow, times: 3 }
  - { at: 29s, method: POST, path: /login, ip: 10.0.0.1, expect: allow }
  - { at: 31s, method: POST, path: /login, ip: 10.0.0.1, expect: deny }
  - { path: /other, expect: deny }
  - { rule: none, key: k, expect: deny }
  - { path: /x, header: { User-Agent: a }, expect: allow, times: 9 }
`
    expect(await test(RULES, requests)).toBe('failure')
    const path = join(folder, 'requests.yaml')
    expect(terminal.printed).toEqual([
      `${path}:2:5 expected allow, but denied by login for "10.0.0.1" (time 3)`,
      `${path}:3:5 expected allow, but denied by login for "10.0.0.1"`,
      `${path}:4:5 expected deny, but allowed by login for "10.0.0.1"`,
      `${path}:5:5 expected deny, but it falls under no rule`,
      `${path}:6:5 rule "none" is not defined`,
      '5 of 6 requests not as expected',
    ])
  })

  it.each([
    ['requests: []\n', ':1:11 requests must be a list of requests'],
    ['requests: [{ path: /x }]\n', ':1:12 missing property "expect", such as {"expect":"allow"}'],
    [
      'requests: [{ paht: /x, expect: deny }]\n',
      ':1:14 unknown property "paht" (did you mean "path"?)',
    ],
    ['requests: [{ rule: a, expect: deny }]\n', 'rule and key go together: give both or none'],
    ['requests: [{ at: 9999d, expect: deny }]\n', 'is longer than a year'],
    ['requests: [{ cost: 2, expect: deny }]\n', 'cost is for checks that name a rule'],
    ['start: now\nrequests: [{ expect: deny }]\n', ':1:8 start is not a time'],
    ['requests: [', 'Flow'],
  ])('tells what is wrong with a list: %s', async (requests, told) => {
    expect(await test(RULES, requests)).toBe('configuration')
    expect(terminal.complaints[0]).toContain(told)
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
      'agents   5          1         shadow',
      '',
      '**Refused most**',
      '  login    "10.0.0.1"   1',
      '  agents   "curl"       1',
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

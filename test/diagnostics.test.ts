import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { configure, OptionsError, type Sources } from '../src/cli/configuration.ts'
import { run } from '../src/cli/program.ts'
import { renderMistake } from '../src/diagnostic.ts'
import { DIAGNOSTICS, type DiagnosticCode } from '../src/diagnostic-code.ts'
import { loadRules, parseRules, type Reviewer, RulesError, rulesFrom } from '../src/rules/load.ts'
import type { RuleBook } from '../src/rules/rule-book.ts'
import { YAML_BYTES_MAX } from '../src/yaml-document.ts'
import { RecordedTerminal } from './cli/recorded-terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-diagnostics-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const NOW_MS = Date.UTC(2026, 0, 1)

/** The lines that an operator sees. */
type Lines = () => Promise<string>

function told(load: (reviewer: Reviewer) => RuleBook | Promise<RuleBook>): Lines {
  return async () => {
    const warnings: string[] = []
    const onWarning: Reviewer['onWarning'] = (warning) => warnings.push(renderMistake(warning))
    try {
      await load({ nowMs: NOW_MS, onWarning })
    } catch (error) {
      if (error instanceof RulesError) return error.message
      throw error
    }
    return warnings.join('\n')
  }
}

const rules = (text: string) => told((reviewer) => parseRules(text, 'rules.yaml', reviewer))
/** Of one rule `a`, its fields from line 4 column 5 on. */
const rule = (fields: string, rest = '') =>
  rules(`version: 1\nrules:\n  - name: a\n    ${fields}\n${rest}`)
const limit = (fields: string) => rule(`limits: [${fields}]`)
const ONE = 'limits: [{ rate: 1/s }]'
const override = (...fields: string[]) =>
  rule('limits: [{ rate: 9/s }]', `overrides: [${fields.map((one) => `{ ${one} }`).join(', ')}]\n`)

function requests(text: string): Lines {
  return async () => {
    const good = written('rules.yaml', `version: 1\nrules: [{ name: a, ${ONE} }]\n`)
    const terminal = new RecordedTerminal()
    expect(await run(['rules', 'test', good, written('requests.yaml', text)], terminal)).toBe(
      'configuration',
    )
    return terminal.complaints.join('\n')
  }
}

function options(flags: Sources['flags'], variables: Sources['variables'] = {}): Lines {
  return async () => {
    try {
      const { warnings } = configure({ flags: { rules: 'rules.yaml', ...flags }, variables })
      return warnings.map(renderMistake).join('\n')
    } catch (error) {
      if (error instanceof OptionsError) return error.message
      throw error
    }
  }
}
const config =
  (text: string): Lines =>
  () =>
    options({ config: written('weir.yaml', text) })()

const AT = 'rules.yaml'

/** A real mistake of each kind, where it is said to be, and the mend that is told. */
const MISTAKES: readonly [code: DiagnosticCode, lines: Lines, place: string, mend: string][] = [
  ['file_unreadable', told(() => loadRules('/nowhere.yaml')), '/nowhere.yaml', ': check the path'],
  ['file_unreadable', told(() => loadRules(folder)), folder, ': name a file in it'],
  [
    'file_unreadable',
    told(() => loadRules(written('bytes.yaml', new Uint8Array([0x76, 0xff, 0xfe])))),
    join(folder, 'bytes.yaml'),
    ': save it as UTF-8',
  ],
  ['file_unreadable', options({ config: '/nowhere.yaml' }), '/nowhere.yaml', ': check the path'],
  ['file_too_large', rules('#'.repeat(YAML_BYTES_MAX + 1)), `${AT}:1:1`, ': shorten it'],
  [
    'file_too_large',
    options({ config: written('long.yaml', '#'.repeat(YAML_BYTES_MAX + 1)) }),
    `${join(folder, 'long.yaml')}:1:1`,
    ': shorten it',
  ],
  ['yaml_syntax', rules('version: 1\nrules:\n\t- name: a\n'), `${AT}:3:1`, ': use spaces'],
  ['yaml_syntax', rules('version: 1\nrules: [\n'), `${AT}:3:1`, 'end with a ]: align it'],
  ['yaml_syntax', rules('version: 1\nrules: "\n'), `${AT}:3:1`, ': add what is missing'],
  ['yaml_syntax', rules('version: `1\n'), `${AT}:1:10`, ': put the value in quotes'],
  ['yaml_syntax', rules('version: "\\q"\n'), `${AT}:1:11`, ': write the backslash twice'],
  ['yaml_syntax', rules('version: 1\nrules: ]\n'), `${AT}:2:8`, ': remove it, or put the value'],
  ['yaml_unsupported', rules('version: 1\nrules: &r [*r]\n'), `${AT}:2:12`, ': write it out'],
  ['yaml_unsupported', rules('version: !!int 1\n'), `${AT}:1:16`, ': leave it out'],
  ['yaml_unsupported', rules('---\na: 1\n---\nb: 1\n'), `${AT}:3:1`, ': keep one document'],
  ['nested_too_deep', rules('['.repeat(99)), `${AT}:1:33`, ': take levels out'],

  ['unknown_property', rule(`limt: 1\n    ${ONE}`), `${AT}:4:5`, '(did you mean "limits"?)'],
  ['unknown_property', config('fanuot: 3\n'), `${join(folder, 'weir.yaml')}:1:1`, '"fanout"?)'],
  ['missing_property', limit('{ burst: 5 }'), `${AT}:4:14`, ', such as {"rate":"100/s"}'],
  [
    'missing_property',
    requests('requests: [{ path: / }]\n'),
    `${join(folder, 'requests.yaml')}:1:12`,
    ', such as {"expect":"allow"}',
  ],
  [
    'missing_property',
    told(() => rulesFrom([{ name: 'a', limits: [{ rate: { count: 5 } }] }])),
    'rules[0].limits[0].rate',
    '"periodMs": add it',
  ],
  ['duplicate_property', rules('version: 1\nversion: 1\n'), `${AT}:2:1`, ': keep one'],
  ['property_alone', rule(`${ONE}\n    tier_default: a`), `${AT}:5:5`, ': add a tier such as'],
  [
    'property_alone',
    requests('requests: [{ key: k, expect: deny }]\n'),
    `${join(folder, 'requests.yaml')}:1:12`,
    ': give both or none',
  ],
  ['wrong_type', limit('{ rate: 5/s, burst: "5" }'), `${AT}:4:34`, 'must be a whole number from 1'],
  ['wrong_type', rule(`${ONE}\n    mode: 5`), `${AT}:5:11`, 'must be one of enforce, shadow'],
  ['wrong_type', config('[]\n'), `${join(folder, 'weir.yaml')}:1:1`, ', such as {"rules"'],
  ['wrong_type', options({ fanout: 'all' }), '--fanout:', 'must be a whole number from 1 to 12'],
  ['unknown_word', rule(`${ONE}\n    mode: shadwo`), `${AT}:5:11`, '(did you mean "shadow"?)'],
  ['unknown_word', options({}, { WEIR_LOG_LEVEL: 'dbug' }), 'WEIR_LOG_LEVEL:', '"debug"?)'],
  [
    'unknown_word',
    rule(`${ONE}\n    key: "{ip}"\n    on_missing_key: denny`),
    `${AT}:6:21`,
    '(did you mean "deny"?)',
  ],
  ['malformed_value', rule(`${ONE}\n    block: 5x`), `${AT}:5:12`, 'a duration such as 30s'],
  ['malformed_value', options({ name: 'my node' }), '--name:', 'must be letters, digits'],
  ['out_of_range', limit('{ rate: 5/s, burst: 0 }'), `${AT}:4:34`, 'must be a whole number from 1'],
  ['out_of_range', options({ fanout: '99' }), '--fanout:', 'must be a whole number from 1 to 12'],
  ['empty_value', rule('limits: []'), `${AT}:4:13`, 'must be a list of 1 to 8 limits'],
  ['empty_value', options({ dataDir: '' }), '--data-dir:', ': write none for none'],
  ['too_long', limit('{ rate: 1/s }, '.repeat(9)), `${AT}:4:13`, 'must be a list of 1 to 8'],
  ['duration_too_long', rule(`${ONE}\n    block: 9999d`), `${AT}:5:12`, 'than 366d: shorten it'],
  [
    'duration_too_long',
    requests('requests: [{ at: 9999d, expect: deny }]\n'),
    `${join(folder, 'requests.yaml')}:1:18`,
    ': shorten it',
  ],
  [
    'time_malformed',
    override('rule: a, key: x, limits: unlimited, expires: tomorrow'),
    `${AT}:5:60`,
    ': write it such as 2026-12-31T00:00:00Z',
  ],
  [
    'time_malformed',
    requests('start: now\nrequests: [{ expect: deny }]\n'),
    `${join(folder, 'requests.yaml')}:1:8`,
    ': write it such as',
  ],
  ['version_unknown', rules('version: 2\nrules: []\n'), `${AT}:1:10`, 'must be 1, not 2'],

  [
    'rule_repeated',
    rules(`version: 1\nrules: [{ name: a, ${ONE} }, { name: a, ${ONE} }]\n`),
    `${AT}:2:55`,
    ': rename one, or put both limits into one rule',
  ],
  ['rule_unknown', override('rule: b, key: x, limits: unlimited'), `${AT}:5:21`, 'mean "a"?)'],
  [
    'rule_name_too_long',
    rules(
      `version: 1\nrules: [{ name: ${'a'.repeat(60)}, ${ONE} }]\noverrides: [{ rule: ${'a'.repeat(60)}, key: x, limits: unlimited }]\n`,
    ),
    `${AT}:3:21`,
    ': shorten it',
  ],
  [
    'rule_name_too_long',
    rules(
      `version: 1\nrules: [{ name: ${'a'.repeat(60)}, tier: "{ip}", tier_default: free }]\ntiers: { free: { ${ONE} } }\n`,
    ),
    `${AT}:2:17`,
    ': shorten it',
  ],
  [
    'limits_and_tier',
    rule(`${ONE}\n    tier: "{ip}"\n    tier_default: x`, 'tiers: { x: { limits: unlimited } }\n'),
    `${AT}:5:5`,
    ': remove one of them',
  ],
  ['tier_unknown', rule('tier: "{ip}"\n    tier_default: x'), `${AT}:5:19`, '"tiers": add it)'],
  [
    'override_repeated',
    override('rule: a, key: x, limits: unlimited', 'rule: a, key: x, limits: unlimited'),
    `${AT}:5:69`,
    'is already overrides[0]: keep one',
  ],
  [
    'too_many_tables',
    override(...Array.from({ length: 256 }, (_, i) => `rule: a, key: k${i}, limits: unlimited`)),
    `${AT}:2:1`,
    ': remove some',
  ],
  ['cost_above_burst', rule(`${ONE}\n    cost: 2`), `${AT}:5:11`, ': lower the cost, or raise'],
  [
    'needs_an_owner',
    rule(`${ONE}\n    decided_by: local\n    block: 5m`),
    `${AT}:6:5`,
    ': remove one of the two',
  ],
  [
    'needs_an_owner',
    limit('{ rate: 5/day }]\n    decided_by: local #'),
    `${AT}:4:14`,
    ': remove one of the two',
  ],
  ['template_malformed', rule(`${ONE}\n    key: "{ip"`), `${AT}:5:10`, ': write "}" after'],
  ['key_without_variable', rule(`${ONE}\n    key: ip`), `${AT}:5:10`, ': write "{ip}"'],

  ['rate_malformed', limit('{ rate: 5/sec }'), `${AT}:4:22`, '(did you mean "s"?)'],
  ['rate_too_large', limit('{ rate: 99999999999999999/s }'), `${AT}:4:22`, ': lower it'],
  ['rate_too_large', limit('{ rate: 1/999999999d }'), `${AT}:4:22`, ': shorten it'],
  ['burst_too_large', limit('{ rate: 1/d, burst: 99999 }'), `${AT}:4:34`, ': set a smaller burst'],
  ['burst_too_large', limit('{ rate: 5000000000/d }'), `${AT}:4:22`, ': set a smaller burst'],
  ['window_too_large', limit('{ rate: 5000000000/day }'), `${AT}:4:22`, ': lower it'],
  [
    'algorithm_mismatch',
    limit('{ rate: 5/month, burst: 5 }'),
    `${AT}:4:31`,
    ': remove the burst, or choose algorithm: token-bucket',
  ],
  ['algorithm_mismatch', limit('{ rate: 5/d, algorithm: calendar-window }'), `${AT}:4:22`, '5/day'],
  ['time_zone_unknown', limit('{ rate: 5/day, timezone: x }'), `${AT}:4:39`, 'Europe/Berlin)'],

  ['address_malformed', options({ listen: 'localhost' }), '--listen:', ': write host:port'],
  ['address_malformed', options({ seeds: 'b' }), '--seeds:', '; expected host:port'],
  [
    'address_malformed',
    options({ trustedProxies: 'b' }),
    '--trusted-proxies:',
    ': write an address',
  ],
  ['rules_missing', options({ rules: 'none' }), '--rules:', ': pass --rules <file> or set'],
  ['secret_missing', options({ peerListen: '[::]:4001' }), '--peer-listen:', 'weir keygen --out'],
  ['admin_token_missing', options({ admin: '[::]:9090' }), '--admin:', 'openssl rand -hex 32'],
  ['tls_incomplete', options({ tlsCert: 'a.pem' }), '--tls-cert:', ': give both or none'],
  ['tls_incomplete', options({ tlsClientCa: 'a.pem' }), '--tls-client-ca:', ': give --tls-cert'],
  [
    'seeds_without_peers',
    options({ peerListen: 'none', seeds: 'a:1' }),
    '--seeds:',
    ': leave one of them out',
  ],
  [
    'workers_without_peers',
    options({ peerListen: 'none', workers: '2' }),
    '--workers:',
    ': give it an address, or leave --workers out',
  ],
  [
    'workers_without_room',
    options({ peerListen: '127.0.0.1:65535', workers: '2' }),
    '--peer-listen:',
    ': give a port of 65534 at most',
  ],

  [
    'path_not_normal',
    rule(`${ONE}\n    key: "{ip}"\n    match: { path: /login?user=* }`),
    `${AT}:6:20`,
    ': remove it',
  ],
  [
    'limit_redundant',
    limit('{ rate: 100/m, burst: 20 }, { rate: 7200/h, burst: 30 }'),
    `${AT}:4:42`,
    ': remove it, or make it slower or smaller',
  ],
  [
    'tier_unused',
    rule(
      'tier: gold\n    tier_default: gold',
      'tiers: { free: { limits: unlimited }, gold: { limits: unlimited } }\n',
    ),
    `${AT}:6:10`,
    ': remove it, or choose it',
  ],
  [
    'override_expired',
    override('rule: a, key: x, limits: unlimited, expires: 2025-12-31T00:00:00Z'),
    `${AT}:5:60`,
    ': remove it, or give it a later time',
  ],
  [
    'override_shadowed',
    override(
      'rule: a, key: "*acme*", limits: unlimited',
      'rule: a, key: "acme*", limits: unlimited',
    ),
    `${AT}:5:76`,
    ': put this one above it',
  ],
  ['variable_unknown', options({}, { WEIR_KEY_MAX: '9' }), 'WEIR_KEY_MAX:', 'WEIR_KEYS_MAX?)'],
  ['variable_unknown', options({}, { WEIR_XYZZY: '9' }), 'WEIR_XYZZY:', ': unset it'],
]

describe('a mistake of an operator is told with its place, its mend and its code', () => {
  it.each(MISTAKES)('%s', async (code, lines, place, mend) => {
    const line = (await lines()).split('\n').find((one) => one.endsWith(` [${code}]`))
    const severity = DIAGNOSTICS[code] === 'warning' ? ' warning: ' : ' '
    expect(line?.slice(0, place.length + severity.length)).toBe(place + severity)
    expect(line).toContain(mend)
  })

  it('of every kind: each code has something that produces it', () => {
    expect(new Set(MISTAKES.map(([code]) => code))).toEqual(new Set(Object.keys(DIAGNOSTICS)))
  })

  it('with the code for programs, too', () => {
    const load = () => rulesFrom([{ name: 'a', limits: [{ rate: '5/sec' }] }])
    expect(load).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ code: 'rate_malformed' })],
      }),
    )
  })
})

describe('the page of mistakes in files and options', () => {
  const page = readFileSync(new URL('../docs/reference/file-errors.md', import.meta.url), 'utf8')

  it('has one entry for every code, marked where it is a warning, and no other', () => {
    const documented = [...page.matchAll(/^### `(\w+)`(?: \((warning)\))?$/gm)].map(
      ([, code, severity = 'error']) => [code, severity],
    )
    expect(documented.sort()).toEqual(Object.entries(DIAGNOSTICS).sort())
  })

  it('says something in every entry', () => {
    for (const entry of page.split(/^### /m).slice(1)) {
      const [heading, ...text] = entry.split(/^## /m, 1).join('').split('\n')
      expect(text.join(' ').trim().length, heading).toBeGreaterThan(40)
    }
  })
})

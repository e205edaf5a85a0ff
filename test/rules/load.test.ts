import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RULE_LIMITS_MAX, RULE_NAME_BYTES_MAX, RULES_MAX } from '../../cluster/limits.ts'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { loadRules, parseRules, RulesError, rulesFrom } from '../../src/rules/load.ts'
import { YAML_BYTES_MAX, YAML_NESTING_MAX } from '../../src/yaml-document.ts'

function problemsOf(text: string): string[] {
  try {
    parseRules(text, 'rules.yaml')
  } catch (error) {
    if (error instanceof RulesError) return error.message.split('\n')
    throw error
  }
  return []
}

function oneRule(limits: string): string {
  return `version: 1\nrules:\n  - name: a\n    limits: ${limits}\n`
}

describe('a rules file', () => {
  it('becomes rules in whole numbers, the burst by default the count', () => {
    const text = oneRule('[{ rate: 5000/10s, burst: 20 }, { rate: 7/m }, { rate: 100000/d }]')
    expect(parseRules(text, 'rules.yaml').coreRules).toEqual([
      {
        name: 'a',
        limits: [
          { rate: { count: 5000, periodMs: 10_000 }, burst: 20 },
          { rate: { count: 7, periodMs: 60_000 }, burst: 7 },
          { rate: { count: 100_000, periodMs: 86_400_000 }, burst: 100_000 },
        ],
      },
    ])
  })

  it('may begin with a byte order mark, use CRLF, JSON and comments', () => {
    expect(parseRules(`\uFEFF# limits\r\n${oneRule('[{rate: 1/s}]')}`, 'f').coreRules).toHaveLength(
      1,
    )
    const json = '{"version": 1, "rules": [{"name": "a", "limits": [{"rate": "1/s"}]}]}'
    expect(parseRules(json, 'f').coreRules).toHaveLength(1)
  })

  it('of the demonstration is valid', () => {
    expect(parseRules(DEMO_RULES, 'demo').definitions.map((rule) => rule.name)).toEqual([
      'demo',
      'login',
    ])
  })
})

const mistakes: readonly [what: string, text: string, told: string][] = [
  [
    'a mistyped property',
    'version: 1\nrules:\n  - name: a\n    limt: [{ rate: 1/s }]\n    limits: [{ rate: 1/s }]\n',
    'rules.yaml:4:5 unknown property "limt" (did you mean "limits"?)',
  ],
  [
    'an unknown property like no other',
    oneRule('[{ rate: 1/s, colour: red }]'),
    'rules.yaml:4:27 unknown property "colour" (known: rate, burst, algorithm',
  ],
  [
    'a missing property',
    'version: 1\nrules:\n  - name: a\n',
    'rules.yaml:3:5 missing property "limits", such as {"limits":[{"rate":"100/s"}]}',
  ],
  [
    'a number where a name belongs',
    'version: 1\nrules:\n  - name: 123\n    limits: [{ rate: 1/s }]\n',
    '(quote it: "123")',
  ],
  [
    'an upper-case name',
    'version: 1\nrules:\n  - name: Login\n    limits: [{ rate: 1/s }]\n',
    'rules.yaml:3:11 name must be lower-case letters',
  ],
  [
    'a long name',
    `version: 1\nrules:\n  - name: ${'a'.repeat(RULE_NAME_BYTES_MAX + 1)}\n    limits: [{ rate: 1/s }]\n`,
    `at most ${RULE_NAME_BYTES_MAX}`,
  ],
  ['another version', 'version: 2\nrules: []\n', 'rules.yaml:1:10 version must be 1, not 2'],
  ['no rules', 'version: 1\nrules: []\n', 'rules.yaml:2:8 rules must be a list of 1 to 256 rules'],
  ['a rate without a unit', oneRule('[{ rate: 100 }]'), 'rate must be a rate such as 100/s'],
  [
    'an unknown unit',
    oneRule('[{ rate: 5/sec }]'),
    'rules.yaml:4:22 rate "5/sec" has the unknown unit "sec" (did you mean "s"?)',
  ],
  ['a rate with spaces', oneRule('[{ rate: 5 / s }]'), 'has spaces in it'],
  ['a fraction', oneRule('[{ rate: 1.5/s }]'), 'choose a longer period, such as 3/2s'],
  ['a rate of nothing', oneRule('[{ rate: 0/s }]'), 'the count must be at least 1'],
  ['an empty period', oneRule('[{ rate: 5/0s }]'), 'the period must be at least 1ms'],
  [
    'a burst of nothing',
    oneRule('[{ rate: 5/s, burst: 0 }]'),
    'rules.yaml:4:34 burst must be a whole number from 1 to 4294967295, not 0',
  ],
  ['a burst in words', oneRule('[{ rate: 5/s, burst: "5" }]'), 'burst must be a whole number'],
  ['an endless burst', oneRule('[{ rate: 5/s, burst: 1e999 }]'), 'not Infinity'],
  [
    'numbers too large to reckon with',
    oneRule('[{ rate: 99999999999999999/s }]'),
    'the count is above 9007199254740991',
  ],
  ['a period too long', oneRule('[{ rate: 1/999999999d }]'), 'shorten it'],
  [
    'a burst by default too large',
    oneRule('[{ rate: 5000000000/d }]'),
    'rules.yaml:4:22 the burst (by default the count, 5000000000) is above 4294967295',
  ],
  [
    'a bucket too large',
    oneRule('[{ rate: 4000000000/d, burst: 4000000000 }]'),
    'burst 4000000000 times the period of 86400000 ms is above',
  ],
  ['a refill of centuries', oneRule('[{ rate: 1/d, burst: 100000 }]'), 'longer than ten years'],
  [
    'a name twice',
    'version: 1\nrules:\n  - { name: a, limits: [{ rate: 1/s }] }\n  - { name: a, limits: [{ rate: 2/s }] }\n',
    'rules.yaml:4:13 rule "a" is already rules[0]: rename one',
  ],
  ['a property twice', 'version: 1\nversion: 1\n', 'rules.yaml:2:1 duplicate property "version"'],
  ['a tab', 'version: 1\nrules:\n\t- name: a\n', 'rules.yaml:3:1 Tabs are not allowed'],
  ['an open bracket', 'version: 1\nrules: [\n', 'Flow sequence'],
  ['an alias', 'version: 1\nrules: &r [*r]\n', 'rules.yaml:2:12 alias "*r" is not supported'],
  ['a tag', 'version: !!binary MQ==\n', 'is not supported: leave it out'],
  ['two documents', '---\nversion: 1\n---\nversion: 1\n', 'a second document'],
  [
    'an empty file',
    '',
    'rules.yaml:1:1 the rules must be a mapping with version and rules, not empty',
  ],
  ['a prototype', '__proto__: {}\nversion: 1\nrules: []\n', 'unknown property "__proto__"'],
  [
    'a limit that is none',
    oneRule('[5]'),
    'item 0 of limits must be a mapping with rate and burst',
  ],
]

describe('a mistake is told with its place and its mend', () => {
  it.each(mistakes)('%s', (_, text, told) => {
    expect(problemsOf(text).join('\n')).toContain(told)
  })

  it('together with all others, in the order of the file', () => {
    const text = [
      'version: 1',
      'rules:',
      '  - name: Bad Name',
      '    limits: [{ rate: 5/fortnight }]',
      '  - name: b',
      '    limits: [{ rate: 1/s, brust: 3 }]',
      '  - name: b',
      '    limits: []',
    ].join('\n')
    expect(problemsOf(text).map((line) => line.split(' ', 1)[0])).toEqual([
      'rules.yaml:3:11',
      'rules.yaml:4:22',
      'rules.yaml:6:27',
      'rules.yaml:7:11',
      'rules.yaml:8:13',
    ])
  })
})

describe('a rules file out of proportion', () => {
  const limits = (count: number) => `[${'{ rate: 1/s }, '.repeat(count)}]`
  const rules = (count: number) => {
    const items = Array.from(
      { length: count },
      (_, i) => `  - { name: r${i}, limits: [{ rate: 1/s }] }`,
    )
    return `version: 1\nrules:\n${items.join('\n')}\n`
  }

  it('is valid up to the limits of a frame', () => {
    expect(problemsOf(oneRule(limits(RULE_LIMITS_MAX)))).toEqual([])
    expect(problemsOf(rules(RULES_MAX))).toEqual([])
  })

  it('is refused above them', () => {
    expect(problemsOf(oneRule(limits(RULE_LIMITS_MAX + 1)))[0]).toContain('a list of 1 to 8 limits')
    expect(problemsOf(rules(RULES_MAX + 1))[0]).toContain('a list of 1 to 256 rules')
  })

  it('is refused when too long, without being read', () => {
    expect(problemsOf('#'.repeat(YAML_BYTES_MAX + 1))).toEqual([
      `rules.yaml:1:1 is ${YAML_BYTES_MAX + 1} bytes; at most ${YAML_BYTES_MAX} are read: shorten it [file_too_large]`,
    ])
  })

  it.each(['[', '{a: ', '- ', '? ', '- ['])('is refused when nested without end: %s', (opening) => {
    const text = opening.repeat(20_000)
    expect(problemsOf(text)[0]).toContain(`nested deeper than ${YAML_NESTING_MAX} levels`)
  })

  it('is refused with ten thousand aliases of aliases', () => {
    const bomb = ['a: &a [x, x]', ...Array.from({ length: 20 }, () => 'b: &a [*a, *a, *a]')].join(
      '\n',
    )
    expect(problemsOf(bomb).join('\n')).toContain('alias "*a" is not supported')
  })
})

describe('a rules file on disk', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-rules-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is loaded', async () => {
    const path = join(folder, 'rules.yaml')
    await writeFile(path, DEMO_RULES)
    expect((await loadRules(path)).coreRules).toHaveLength(2)
  })

  it('is refused by its path when it is missing, a folder, too long, or not UTF-8', async () => {
    const missing = join(folder, 'missing.yaml')
    const long = join(folder, 'long.yaml')
    const bytes = join(folder, 'bytes.yaml')
    await writeFile(long, '#'.repeat(YAML_BYTES_MAX + 1))
    await writeFile(bytes, Buffer.from([0x76, 0xff, 0xfe]))
    for (const path of [missing, folder, bytes]) {
      await expect(loadRules(path)).rejects.toThrow(RulesError)
      await expect(loadRules(path)).rejects.toThrow(`${path} cannot be read: `)
    }
    await expect(loadRules(long)).rejects.toThrow(`${long}:1:1 is ${YAML_BYTES_MAX + 1} bytes`)
  })
})

describe('rules given by a program', () => {
  const limits = [{ rate: { count: 7, periodMs: 60_000 }, burst: 3 }]

  it('may be the list of rules that loading returns', () => {
    const rules = [{ name: 'a', limits }]
    expect(rulesFrom(rules).coreRules).toEqual(rules)
  })

  it('may be what a file would hold', () => {
    const value = { version: 1, rules: [{ name: 'a', limits: [{ rate: '7/m', burst: 3 }] }] }
    expect(rulesFrom(value).coreRules).toEqual([{ name: 'a', limits }])
  })

  it('are refused with the path of each mistake', () => {
    const value = [
      { name: 'a', limits: [{ rate: { count: 0, periodMs: 1000 } }, { rate: 'often' }] },
      { name: 'b', limits: [{ rate: { count: 1, periodms: 5 } }], extra: 1 },
    ]
    expect(() => rulesFrom(value)).toThrow(RulesError)
    expect(() => rulesFrom(value)).toThrow(/^rules\[0\]\.limits\[0\]\.rate\.count count must be/m)
    expect(() => rulesFrom(value)).toThrow(
      /^rules\[0\]\.limits\[1\]\.rate rate "often" has no period/m,
    )
    expect(() => rulesFrom(value)).toThrow(
      /^rules\[1\]\.limits\[0\]\.rate\.periodms unknown property "periodms" \(did you mean "periodMs"\?\)/m,
    )
    expect(() => rulesFrom(value)).toThrow(/^rules\[1\]\.extra unknown property/m)
  })

  it.each([null, undefined, 5, 'rules.yaml', () => 1, { rules: 'x' }])('are never %s', (value) => {
    expect(() => rulesFrom(value)).toThrow(RulesError)
  })
})

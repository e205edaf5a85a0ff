import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configure, OptionsError, type Sources } from '../../src/cli/configuration.ts'
import { renderMistake } from '../../src/diagnostic.ts'
import { KEYS_MAX } from '../../src/index.ts'
import { OPTION_NAMES, OPTIONS, variableOf } from '../../src/options.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-options-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const path = join(folder, 'weir.yaml')
  writeFileSync(path, text)
  return path
}

function optionsOf(sources: Partial<Sources>) {
  return configure({
    variables: {},
    ...sources,
    flags: { rules: 'rules.yaml', ...sources.flags },
  }).options
}

function problemOf(sources: Partial<Sources>): string {
  try {
    optionsOf(sources)
  } catch (error) {
    if (error instanceof OptionsError) return error.message
    throw error
  }
  return ''
}

describe('options', () => {
  it('have defaults that listen on loopback only', () => {
    expect(optionsOf({})).toEqual({
      name: hostname(),
      listen: ['127.0.0.1:8080'],
      admin: '127.0.0.1:9090',
      adminTokenFile: null,
      tlsCert: null,
      tlsKey: null,
      tlsClientCa: null,
      peerListen: '127.0.0.1:4001',
      advertise: [],
      clusterName: 'weir',
      secretFile: null,
      allowPeers: [],
      seeds: [],
      rules: 'rules.yaml',
      dataDir: null,
      gossipIntervalMs: 500,
      fanout: 3,
      copies: 'auto',
      forwardTimeoutMs: 150,
      forgetAfterMs: 600_000,
      keysMax: KEYS_MAX,
      headers: 'draft-11',
      mode: null,
      trustedProxies: ['127.0.0.0/8', '::1/128'],
      workers: 1,
      logLevel: 'info',
    })
  })

  it('come from the flag before the variable before the file before the default', () => {
    const config = file('fanout: 4\nkeysMax: 4000\nheaders: legacy\n')
    const flags = { config, fanout: '6' }
    const variables = { WEIR_FANOUT: '5', WEIR_KEYS_MAX: '5000' }
    const { fanout, keysMax, headers, logLevel } = optionsOf({ flags, variables })
    expect({ fanout, keysMax, headers, logLevel }).toEqual({
      fanout: 6,
      keysMax: 5_000,
      headers: 'legacy',
      logLevel: 'info',
    })
  })

  it('take the path of the file from a variable too', () => {
    const variables = { WEIR_CONFIG: file('name: from-file\n') }
    expect(optionsOf({ variables }).name).toBe('from-file')
  })

  it('are unset by an empty variable', () => {
    expect(optionsOf({ variables: { WEIR_FANOUT: '', WEIR_SECRET_FILE: '' } }).fanout).toBe(3)
  })

  it('that are lists are comma separated, or lists in the file', () => {
    const listen = ['127.0.0.1:0', 'unix:/run/weir.sock']
    expect(optionsOf({ flags: { listen: listen.join(', ') } }).listen).toEqual(listen)
    const config = file(`listen: [${listen.join(', ')}]\nseeds: weir-2:4001\n`)
    expect(optionsOf({ flags: { config } })).toMatchObject({ listen, seeds: ['weir-2:4001'] })
  })

  it('are cleared by the word none', () => {
    const config = file('seeds: [weir-2:4001]\ndataDir: data\n')
    const flags = { config, seeds: 'none', dataDir: 'none', peerListen: 'none' }
    expect(optionsOf({ flags })).toMatchObject({ seeds: [], dataDir: null, peerListen: null })
  })
})

it('takes copies as a word or a number', () => {
  const copiesOf = (copies: string) => optionsOf({ flags: { copies } }).copies
  expect(['auto', 'all', '2', '16'].map(copiesOf)).toEqual(['auto', 'all', 2, 16])
})

const mistakes: [what: string, sources: Partial<Sources>, told: string][] = [
  [
    'a number too small',
    { flags: { keysMax: '0' } },
    '--keys-max: "0" must be a whole number from',
  ],
  [
    'a number in words',
    { variables: { WEIR_FANOUT: 'all' } },
    'WEIR_FANOUT: "all" must be a whole',
  ],
  ['copies of nothing', { flags: { copies: '1' } }, '--copies: "1" must be a whole number from 2'],
  ['a word near another', { flags: { logLevel: 'dbug' } }, '(did you mean "debug"?)'],
  ['an address without a port', { flags: { listen: 'localhost' } }, '--listen: listen address'],
  ['no address at all', { flags: { listen: 'none' } }, 'must name at least one address'],
  ['a seed that is no address', { flags: { seeds: 'a:1,b' } }, '--seeds: seed "b"'],
  ['an id that is none', { flags: { allowPeers: 'n1' } }, '--allow-peers: "n1" is no id of a peer'],
  ['a name with spaces', { flags: { name: 'my node' } }, '--name: "my node" must be letters'],
  ['an empty path', { flags: { rules: '' } }, '--rules: the path is empty'],
  [
    'a file that is missing',
    { flags: { config: '/nowhere.yaml' } },
    '/nowhere.yaml cannot be read',
  ],
  [
    'seeds of a node that is alone',
    { flags: { peerListen: 'none', seeds: 'a:1' } },
    '--seeds: a node with --peer-listen none joins nobody',
  ],
]

describe('a mistake in the options is told with its place', () => {
  it.each(mistakes)('%s', (_, sources, told) => {
    expect(problemOf(sources)).toContain(told)
  })

  it('in the file with line and column, all at once', () => {
    const config = file('fanuot: 3\nkeysMax: many\nlisten: { host: x }\nfanout: 99\n')
    expect(problemOf({ flags: { config } }).split('\n')).toEqual([
      `${config}:1:1 unknown option "fanuot" (did you mean "fanout"?) [unknown_property]`,
      `${config}:3:9 listen must be one value, or a list of addresses [wrong_type]`,
      expect.stringContaining(`${config}:4:9 fanout: "99" must be a whole number from 1 to 12`),
      expect.stringContaining(`${config}:2:10 keysMax: "many" must be a whole number`),
    ])
  })

  it('in the syntax of the file', () => {
    expect(problemOf({ flags: { config: file('- a\n') } })).toContain(
      'must be a mapping of options',
    )
    expect(problemOf({ flags: { config: file('a: [\n') } })).toContain('weir.yaml:2:1')
  })

  it('when there are no rules', () => {
    expect(() => configure({ flags: {}, variables: {} })).toThrow(
      'no rules: pass --rules <file> or set WEIR_RULES',
    )
  })
})

describe('peers beyond loopback', () => {
  it.each(['0.0.0.0:4001', '10.0.0.5:4001', '[::]:4001', '/ip4/0.0.0.0/tcp/4001', 'weir-1:4001'])(
    'are not listened to at %s without a shared key',
    (peerListen) => {
      expect(problemOf({ flags: { peerListen } })).toContain(
        'without a shared key anybody could join',
      )
      expect(optionsOf({ flags: { peerListen, secretFile: 'secret.key' } }).peerListen).toBe(
        peerListen,
      )
    },
  )

  it.each([
    '127.0.0.1:0',
    '127.9.9.9:4001',
    '[::1]:4001',
    'localhost:4001',
    '/ip4/127.0.0.1/tcp/0',
  ])('are not meant by %s', (peerListen) => {
    expect(optionsOf({ flags: { peerListen } }).peerListen).toBe(peerListen)
  })
})

describe('variables', () => {
  it('that are unknown have no effect but a warning, with a suggestion', () => {
    const variables = { WEIR_KEY_MAX: '9', WEIR_XYZZY: '1', HOME: '/', WEIR_CONFIG: '' }
    const { warnings } = configure({ flags: { rules: 'r' }, variables })
    expect(warnings.map(renderMistake)).toEqual([
      'WEIR_KEY_MAX: warning: the variable is unknown and has no effect (did you mean WEIR_KEYS_MAX?) [variable_unknown]',
      'WEIR_XYZZY: warning: the variable is unknown and has no effect: unset it [variable_unknown]',
    ])
  })

  it('exist for every option, which all of them can set to its default', () => {
    const variables = Object.fromEntries(
      OPTION_NAMES.map((name) => [variableOf(name), OPTIONS[name].fallback]),
    )
    const { options, warnings } = configure({ flags: { rules: 'r' }, variables })
    expect(warnings).toEqual([])
    expect(options).toEqual(optionsOf({ flags: { rules: 'r' } }))
  })
})

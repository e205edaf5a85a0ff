import { describe, expect, it } from 'vitest'
import { configure, OptionsError } from '../../src/cli/configuration.ts'
import { WORKERS_MAX } from '../../src/cli/option-readers.ts'
import { restartDelayMs } from '../../src/cli/restart-delay.ts'
import { localSeed, planWorkers } from '../../src/cli/worker-plan.ts'
import { OPTION_NAMES, type ServerOptions, writtenOption } from '../../src/options.ts'

type Flags = Readonly<Record<string, string>>

function optionsOf(flags: Flags): ServerOptions {
  const all = { rules: 'rules.yaml', name: 'a', workers: '3', ...flags }
  return configure({ flags: all, variables: {} }).options
}

function problemOf(flags: Flags): string {
  try {
    optionsOf(flags)
  } catch (error) {
    if (error instanceof OptionsError) return error.message
    throw error
  }
  return ''
}

function planned<K extends keyof ServerOptions>(name: K, flags: Flags): ServerOptions[K][] {
  return planWorkers(optionsOf(flags)).map((worker) => worker[name])
}

describe('workers', () => {
  it('are called by their host and a number', () => {
    expect(planned('name', {})).toEqual(['a-1', 'a-2', 'a-3'])
  })

  it('are nodes without workers, that listen for checks at the same addresses', () => {
    const listen = '127.0.0.1:8080,unix:/run/weir.sock'
    expect(planned('workers', {})).toEqual([1, 1, 1])
    expect(new Set(planned('listen', { listen }).map(String))).toEqual(new Set([listen]))
  })

  it('have ports of their own, from the written one on', () => {
    expect(planned('admin', { admin: '[::1]:9090' })).toEqual([
      '[::1]:9090',
      '[::1]:9091',
      '[::1]:9092',
    ])
    expect(planned('peerListen', { peerListen: '127.0.0.1:4001' })).toEqual([
      '127.0.0.1:4001',
      '/ip4/127.0.0.1/tcp/4002',
      '/ip4/127.0.0.1/tcp/4003',
    ])
    const advertise = 'weir-1.example:65533,/dns4/b/tcp/1'
    expect(planned('advertise', { advertise })[2]).toEqual([
      '/dns/weir-1.example/tcp/65535',
      '/dns4/b/tcp/3',
    ])
  })

  it('have any free port each where that is written', () => {
    expect(planned('admin', { admin: '127.0.0.1:0' })).toEqual(Array(3).fill('127.0.0.1:0'))
    expect(planned('peerListen', { peerListen: '127.0.0.1:0' })[2]).toBe('/ip4/127.0.0.1/tcp/0')
  })

  it('have Unix sockets of their own for operators', () => {
    expect(planned('admin', { admin: 'unix:/run/weir/admin.sock' })).toEqual([
      'unix:/run/weir/admin.sock',
      'unix:/run/weir/admin-2.sock',
      'unix:/run/weir/admin-3.sock',
    ])
  })

  it('keep their data apart, the first where a host without workers does', () => {
    expect(planned('dataDir', { dataDir: 'data' })).toEqual([
      'data',
      'data/worker-2',
      'data/worker-3',
    ])
    expect(planned('dataDir', {})).toEqual([null, null, null])
  })

  it('look for others where they are told, but only the first by multicast', () => {
    const seeds = ['b:4001', 'mdns', 'srv:_weir._tcp.example.com']
    expect(planned('seeds', { seeds: seeds.join() })).toEqual([
      seeds,
      ['b:4001', 'srv:_weir._tcp.example.com'],
      ['b:4001', 'srv:_weir._tcp.example.com'],
    ])
  })

  it('can be told all they need in flags', () => {
    const written = optionsOf({
      ...{ workers: '1', listen: '127.0.0.1:0,unix:/w', seeds: 'a:1,mdns', copies: '3' },
      ...{ trustedProxies: 'none', mode: 'shadow', dataDir: 'data', peerListen: '[::1]:0' },
    })
    const flags = Object.fromEntries(
      OPTION_NAMES.map((name) => [name, writtenOption(written[name])]),
    )
    expect(configure({ flags, variables: { WEIR_FANOUT: '7' } }).options).toEqual(written)
  })
})

describe('a worker is found by the others of its host', () => {
  const announced = ['/ip4/10.0.0.7/tcp/4002/p2p/x', '/ip4/192.168.0.7/tcp/4002/p2p/x']
  const seedOf = (flags: Flags) => localSeed(optionsOf(flags), announced)
  const secretFile = 'secret.key'

  it('where it says it is', () => {
    expect(seedOf({})).toBe(announced[0])
  })

  it('where it listens, if the rest of the world is told something else', () => {
    const advertise = 'outside.example:4001'
    expect(seedOf({ advertise, secretFile, peerListen: '0.0.0.0:4001' })).toBe(
      '/ip4/127.0.0.1/tcp/4001',
    )
    expect(seedOf({ advertise, secretFile, peerListen: '[::]:4001' })).toBe('/ip6/::1/tcp/4001')
    expect(seedOf({ advertise, secretFile, peerListen: '10.1.1.1:4001' })).toBe(
      '/ip4/10.1.1.1/tcp/4001',
    )
  })
})

const seedsOf = (count: number) => Array.from({ length: count }, (_, at) => `h${at}:1`).join()

const mistakes: [what: string, flags: Flags, told: string][] = [
  ['none', { workers: '0' }, `--workers: "0" must be a whole number from 1 to ${WORKERS_MAX}`],
  ['too many', { workers: '17' }, '--workers: "17" must be a whole number from 1 to 16'],
  ['in words', { workers: 'all' }, '--workers: "all" must be a whole number from 1 to 16'],
  ['that are no members', { peerListen: 'none' }, '--workers: workers are members of one cluster'],
  [
    'without room behind the name',
    { name: 'n'.repeat(63) },
    'is too long to be followed by -1 to -3: give a name of 62 characters at most',
  ],
  [
    'without room above a port',
    { admin: '127.0.0.1:65534' },
    '--admin: 3 workers need as many ports from 65534 on: give a port of 65533 at most',
  ],
  [
    'without room among the seeds',
    { seeds: seedsOf(63) },
    '--seeds: there are 63, beside 2 other workers: give 62 at most',
  ],
  [
    'at the port of a door',
    { listen: '127.0.0.1:9092' },
    '--admin: worker 3 would listen at port 9092, which --listen takes: leave room for 3 ports',
  ],
  [
    'at the port of another worker',
    { peerListen: '127.0.0.1:9089' },
    '--peer-listen: worker 2 would listen at port 9090, which --admin takes',
  ],
]

describe('workers that cannot be', () => {
  it.each(mistakes)('%s', (_, flags, told) => {
    expect(problemOf(flags)).toContain(told)
  })

  it('are no matter to a node without them', () => {
    for (const [, flags] of mistakes.slice(3))
      expect(problemOf({ ...flags, workers: '1' })).toBe('')
  })

  it('are at the last room there is', () => {
    const name = 'n'.repeat(62)
    expect(problemOf({ name, admin: '127.0.0.1:65533', seeds: seedsOf(62) })).toBe('')
    // The same port of another address is another place.
    expect(problemOf({ listen: '127.0.0.2:9092' })).toBe('')
  })
})

it('a worker that keeps failing is started again ever later, half a minute at most', () => {
  expect([1, 2, 3, 6, 7, 8, 2_000].map(restartDelayMs)).toEqual([
    ...[500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000],
  ])
})

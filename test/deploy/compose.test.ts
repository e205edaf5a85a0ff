import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { type ComposeFile, readComposeFile, type Service } from './compose-file.ts'
import { composeMistakes, weirNodes } from './compose-mistakes.ts'
import { Image, readDockerfile } from './dockerfile.ts'
import { nodeOptions } from './node-mistakes.ts'
import { repository } from './repository-files.ts'

const text = repository.read('docker-compose.yml')
const compose = readComposeFile(text)
const image = new Image(readDockerfile(repository.read('deploy/Dockerfile')))

/** The mistakes of the compose file after a change to a copy of it. */
function planted(change: (document: ComposeFile) => void): string[] {
  const document = structuredClone(compose)
  change(document)
  return composeMistakes(document, image)
}

/** The mistakes after a change to the service `weir-2`. */
function plantedInNode(change: (service: Service & Record<string, unknown>) => void): string[] {
  return planted(({ services }) => change(services['weir-2'] as Service & Record<string, unknown>))
}

/** The mistakes after these variables of `weir-2` are set, or removed. */
function plantedVariables(variables: Readonly<Record<string, string | undefined>>): string[] {
  return plantedInNode((service) => {
    const all = Object.entries({ ...service.environment, ...variables })
    service.environment = Object.fromEntries(
      all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    )
  })
}

const one = (words: string) => [expect.stringContaining(words)]
const some = (words: string) => expect.arrayContaining(one(words))

describe('the compose file', () => {
  test('has three nodes', () => {
    expect(weirNodes(compose).map(([name]) => name)).toEqual(['weir-1', 'weir-2', 'weir-3'])
  })

  test('has no mistake', () => expect(composeMistakes(compose, image)).toEqual([]))

  test('runs the rules of the demonstration', () => {
    expect(repository.read(compose.configs.rules?.file ?? '')).toBe(DEMO_RULES)
  })

  test('says how to make the key that it mounts', () => {
    const [, tag, file] = /docker run --rm (\S+) keygen > (\S+)/.exec(text) ?? []
    expect(tag).toBe(compose.services['weir-1']?.image)
    expect(`./${file}`).toBe(compose.secrets['cluster-key']?.file)
  })

  test('asks in its comment a node and a rule that exist', () => {
    const [, port, rule] =
      /curl \S+ 'http:\/\/127\.0\.0\.1:(\d+)\/v1\/gate\?rule=(\w+)/.exec(text) ?? []
    expect(compose.services['weir-1']?.ports).toContain(`127.0.0.1:${port}:8080`)
    expect(DEMO_RULES).toContain(`name: ${rule}\n`)
  })

  test('has the services that docs/deploy.md speaks of', () => {
    const commands = repository
      .read('docs/deploy.md')
      .matchAll(/docker compose (?:exec|stop|kill|pause|start|restart|logs --follow) (\S+?)[`\s]/g)
    const services = [...new Set([...commands].map(([, service]) => service))].sort()
    expect(services).toEqual(['weir-1', 'weir-2'])
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(services))
  })

  test('makes an image that runs as docs/deploy.md says', () => {
    const [, words = ''] = /weir:local (serve .+)/.exec(repository.read('docs/deploy.md')) ?? []
    const { options, mistakes } = nodeOptions({ command: words.split(' ') }, image)
    expect(mistakes).toEqual([])
    expect(options).toMatchObject({ peerListen: null, dataDir: null, listen: ['0.0.0.0:8080'] })
  })

  test('is accepted by Docker Compose', ({ skip }) => {
    const version = spawnSync('docker', ['compose', 'version'])
    skip(version.status !== 0, 'the command "docker compose" is not installed')
    const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], {
      cwd: repository.root,
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe('a planted mistake in a node is seen', () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    [
      'an unknown variable',
      { WEIR_KEYSMAX: '5' },
      'WEIR_KEYSMAX: warning: the variable is unknown',
    ],
    ['a value that cannot be read', { WEIR_FANOUT: 'many' }, 'WEIR_FANOUT'],
    ['a peer port without a key', { WEIR_SECRET_FILE: undefined }, '--secret-file'],
    ['a key elsewhere', { WEIR_SECRET_FILE: '/etc/key' }, 'no secret is mounted at /etc/key'],
    ['rules elsewhere', { WEIR_RULES: '/rules.yaml' }, 'no config is mounted at /rules.yaml'],
    ['data elsewhere', { WEIR_DATA_DIR: '/data' }, 'no volume is mounted at /data'],
    ['another node’s name', { WEIR_NAME: 'weir-3' }, 'the node calls itself weir-3'],
    ['another node’s address', { WEIR_ADVERTISE: 'weir-3:4001' }, 'peers are told to dial'],
    ['a missing seed', { WEIR_SEEDS: 'weir-1:4001,weir-2:4001' }, 'its seeds are'],
    ['a door for this container only', { WEIR_LISTEN: '127.0.0.1:8080' }, 'no door for checks'],
    ['an admin door for others', { WEIR_ADMIN: '0.0.0.0:9090' }, 'without a token'],
    [
      'an admin door for others, behind a token',
      { WEIR_ADMIN: '0.0.0.0:9090', WEIR_ADMIN_TOKEN_FILE: '/run/secrets/cluster-key' },
      'the admin door',
    ],
    [
      'a peer port for itself only',
      { WEIR_PEER_LISTEN: '127.0.0.1:4001' },
      'cannot reach its peer',
    ],
    ['another peer port', { WEIR_PEER_LISTEN: '0.0.0.0:4002' }, 'does not expose 4002'],
    ['more keys than memory', { WEIR_KEYS_MAX: '2000000' }, 'too few for 2000000 keys'],
  ])('%s', (_, variables, words) => expect(plantedVariables(variables)).toEqual(some(words)))

  test('another command, or an unknown flag', () => {
    expect(plantedInNode((it) => (it.command = ['dev']))).toEqual(one('and not "serve"'))
    expect(plantedInNode((it) => (it.command = ['serve', '--keysmax', '5']))).toEqual(
      one('--keysmax is unknown'),
    )
    expect(plantedInNode((it) => (it.command = ['serve', '--fanout', '2']))).toEqual([])
  })

  test('a port where nothing listens', () => {
    expect(plantedInNode((it) => (it.ports = ['127.0.0.1:8082:9090']))).toEqual(one('port 9090'))
  })

  test('an end before the keys are handed over', () => {
    expect(plantedInNode((it) => (it.stop_grace_period = '15s'))).toEqual(one('killed after 15s'))
    expect(plantedInNode((it) => delete it.stop_grace_period)).toEqual(one('killed after 10s'))
  })

  test('another user, who cannot write the data', () => {
    expect(plantedInNode((it) => (it.user = '1001:1001'))).toEqual(one('does not belong to 1001'))
  })
})

describe('a planted mistake in the guards is seen', () => {
  test.each<[string, (service: Service & Record<string, unknown>) => unknown, string]>([
    ['root', (it) => (it.user = '0:0'), 'it runs as root'],
    ['a file system that can be written', (it) => (it.read_only = false), 'can be written'],
    ['capabilities', (it) => (it.cap_drop = []), 'it keeps capabilities'],
    ['privileges to gain', (it) => (it.security_opt = []), 'it may gain privileges'],
    ['no restart', (it) => (it.restart = 'no'), 'does not come back'],
    ['a public port', (it) => (it.ports = ['0.0.0.0:8082:8080']), 'beyond this machine'],
    ['a shared port', (it) => (it.ports = ['127.0.0.1:8081:8080']), 'it shares port 8081'],
    [
      'a shared identity',
      (it) => (it.volumes = ['weir-1:/var/lib/weir']),
      'it shares volume weir-1',
    ],
    ['a lost volume', (it) => (it.volumes = ['lost:/var/lib/weir']), 'lost is not declared'],
    ['a lost secret', (it) => (it.secrets = ['lost']), 'the secret lost is not declared'],
    ['a word nobody checks', (it) => (it.privileged = true), 'privileged'],
    ['a health check switched off', (it) => (it.healthcheck = { disable: true }), 'healthcheck'],
    ['a memory limit in words', (it) => (it.mem_limit = 'much'), '/services/weir-2/mem_limit'],
  ])('%s', (_, change, words) => expect(plantedInNode(change)).toEqual(some(words)))

  test('an image that is not pinned', () => {
    const change = ({ services }: ComposeFile) =>
      Object.assign(services.grafana ?? {}, { image: 'grafana/grafana:latest' })
    expect(planted(change)).toEqual(one('grafana/grafana:latest is not pinned'))
  })

  test('a Dockerfile that is not there', () => {
    const build = { context: '.', dockerfile: 'Dockerfile' }
    const change = ({ services }: ComposeFile) => Object.assign(services['weir-1'] ?? {}, { build })
    expect(planted(change)).toEqual(one('Dockerfile cannot be built'))
  })

  test('a file that is not there', () => {
    const change = ({ configs }: ComposeFile) => (configs.prometheus = { file: './gone.yml' })
    expect(planted(change)).toEqual(one('./gone.yml is not in the repository'))
  })

  test('a key that could be committed or built in', () => {
    const change = ({ secrets }: ComposeFile) => (secrets['cluster-key'] = { file: './src/k.txt' })
    expect(planted(change)).toEqual([
      expect.stringContaining('./src/k.txt could be committed'),
      expect.stringContaining('./src/k.txt could end up in an image'),
    ])
  })

  test('a volume that nobody uses', () => {
    expect(planted(({ volumes }) => (volumes.old = null))).toEqual(one('volume old is declared'))
  })
})

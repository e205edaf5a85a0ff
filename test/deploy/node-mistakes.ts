import { isLoopback, readPeerAddress } from '../../cluster/libp2p/peer-address.ts'
import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import { configure } from '../../src/cli/configuration.ts'
import { renderMistake } from '../../src/diagnostic.ts'
import { parseListenAddress } from '../../src/http/listen.ts'
import { limitOf } from '../../src/limiter/limit.ts'
import { flagOf, OPTION_NAMES, type ServerOptions } from '../../src/options.ts'
import { parseRules } from '../../src/rules/load.ts'
import {
  type ComposeFile,
  readBytes,
  readPort,
  readVolume,
  type Service,
  secretPath,
} from './compose-file.ts'
import type { Image } from './dockerfile.ts'
import { unless } from './mistake.ts'
import { repository } from './repository-files.ts'

/** A node has ended by itself this long after SIGTERM; killed before, it could not hand over its keys. */
export const STOP_S_MAX = 20
/**
 * What a node needs besides its tables: 130 MB with next to nothing to do, its heap under load, and the 50 MB of
 * the health check, which is a process in the same container.
 */
const PROCESS_BYTES = 256 * 1024 ** 2

interface Surroundings {
  readonly compose: ComposeFile
  readonly image: Image
}

/** The options a node of this service starts with, and what it would complain about. */
export function nodeOptions(service: Pick<Service, 'command' | 'environment'>, image: Image) {
  const [command, ...words] = service.command ?? image.command
  const known = new Map([...OPTION_NAMES, 'config'].map((name) => [flagOf(name), name]))
  const flags: Record<string, string> = {}
  const mistakes = command === 'serve' ? [] : [`it runs "${command}" and not "serve"`]
  for (let at = 0; at < words.length; at += 2) {
    const [flag = '', value = ''] = words.slice(at, at + 2)
    const name = known.get(flag)
    if (name === undefined) mistakes.push(`the flag ${flag} is unknown`)
    else flags[name] = value
  }
  const variables = { ...image.environment, ...service.environment }
  const { options, warnings } = configure({ flags, variables })
  return { options, mistakes: [...mistakes, ...warnings.map(renderMistake)] }
}

/** What is wrong with the service of a node. */
export function nodeMistakes(name: string, service: Service, around: Surroundings): string[] {
  try {
    const { options, mistakes } = nodeOptions(service, around.image)
    return [
      ...mistakes,
      ...doorMistakes(service, options, around.image),
      ...peerMistakes(name, service, options, around.image),
      ...fileMistakes(service, options, around),
      ...endMistakes(service),
      ...unless(options.name === name, `the node calls itself ${options.name}`),
    ].map((mistake) => `${name}: ${mistake}`)
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : error}`]
  }
}

/** Every node is a seed of all, under its service name, and nothing else is. */
export function seedMistakes(nodes: ReadonlyMap<string, Service>, image: Image): string[] {
  return [...nodes].flatMap(([name, service]) => {
    const options = optionsIfAny(service, image)
    if (options?.peerListen == null) return []
    const { port } = readPeerAddress(options.peerListen)
    const expected = [...nodes.keys()].map((node) => `${node}:${port}`)
    return unless(
      [...options.seeds].sort().join() === expected.sort().join(),
      `${name}: its seeds are ${options.seeds} and not ${expected}`,
    )
  })
}

function optionsIfAny(service: Service, image: Image): ServerOptions | undefined {
  try {
    return nodeOptions(service, image).options
  } catch {
    return undefined
  }
}

function doorMistakes({ ports = [] }: Service, options: ServerOptions, image: Image): string[] {
  const doors = options.listen.map(parseListenAddress).filter((door) => door.type === 'tcp')
  const open = doors.filter(({ host }) => host === '0.0.0.0').map(({ port }) => port)
  const admin = parseListenAddress(options.admin)
  return [
    ...unless(open.length > 0, 'no door for checks is open to other containers'),
    ...open.flatMap((port) =>
      unless(image.exposed.includes(port), `the image does not expose ${port}`),
    ),
    ...unless(ports.length > 0, 'nobody outside can reach it'),
    ...ports
      .map(readPort)
      .flatMap((port) =>
        unless(
          port !== undefined && open.includes(port.target),
          `port ${port?.target} is published, and no door for checks listens there`,
        ),
      ),
    ...unless(
      admin.type === 'unix' || admin.host === '127.0.0.1',
      `the admin door ${options.admin} can be reached from other containers`,
    ),
    ...unless(
      open.some((port) => image.healthCheck.join(' ').includes(`127.0.0.1:${port}/`)),
      'the health check asks at another port',
    ),
  ]
}

function peerMistakes(name: string, service: Service, options: ServerOptions, image: Image) {
  if (options.peerListen === null) return ['it is alone']
  const peer = readPeerAddress(options.peerListen)
  const secrets = (service.secrets ?? []).map(secretPath)
  return [
    ...unless(!isLoopback(peer), 'other containers cannot reach its peer port'),
    ...unless(image.exposed.includes(peer.port), `the image does not expose ${peer.port}`),
    ...unless(
      options.advertise.join() === `${name}:${peer.port}`,
      `peers are told to dial ${options.advertise}`,
    ),
    ...unless(
      options.secretFile !== null && secrets.includes(options.secretFile),
      `no secret is mounted at ${options.secretFile}`,
    ),
  ]
}

function fileMistakes(service: Service, options: ServerOptions, { compose, image }: Surroundings) {
  const { volumes = [], configs = [], user = image.user } = service
  const config = configs.find(({ target }) => target === options.rules)
  const rulesFile = compose.configs[config?.source ?? '']?.file
  const data = volumes.map(readVolume).find(({ target }) => target === options.dataDir)
  return [
    ...unless(data !== undefined && !data.readOnly, `no volume is mounted at ${options.dataDir}`),
    ...unless(
      image.folders.get(options.dataDir ?? '') === user,
      `${options.dataDir} of the image does not belong to ${user}`,
    ),
    ...(rulesFile === undefined
      ? [`no config is mounted at ${options.rules}`]
      : unless(
          tableBytes(rulesFile, options) + PROCESS_BYTES <= readBytes(service.mem_limit),
          `${service.mem_limit} are too few for ${options.keysMax} keys of each rule`,
        )),
  ]
}

/** The formula of `keysMax` in the options. */
function tableBytes(rulesFile: string, { keysMax }: ServerOptions): number {
  const rules = parseRules(repository.read(rulesFile), rulesFile).coreRules
  const rowBytes = rules.map(({ limits }) =>
    limits
      .map((policy) => 20 + 4 * limitOf(policy, GOSSIP_INTERVAL_MS).slices)
      .reduce((sum, bytes) => sum + bytes, 40),
  )
  return keysMax * rowBytes.reduce((sum, bytes) => sum + bytes, 0)
}

function endMistakes({ stop_grace_period: grace = '10s' }: Service): string[] {
  return unless(Number.parseInt(grace, 10) > STOP_S_MAX, `it is killed after ${grace}`)
}

import { join, parse } from 'node:path'
import { SEEDS_MAX } from '../../cluster/libp2p/limits.ts'
import { formatPeerAddress, readPeerAddress } from '../../cluster/libp2p/peer-address.ts'
import { readSeedPlace } from '../../cluster/libp2p/seed-place.ts'
import { NODE_NAME_BYTES_MAX } from '../../cluster/limits.ts'
import type { Placed } from '../diagnostic.ts'
import { parseListenAddress } from '../http/listen.ts'
import { flagOf, type OptionName, type ServerOptions } from '../options.ts'

// Who the workers of one host are. All answer at `listen`; everything else that a node has for itself, they have too.

const PORT_MAX = 65_535
const ALL_INTERFACES = ['::', '0.0.0.0']

/**
 * The options of each worker, as if it were started by itself. The first takes what is written, so that a host which
 * begins or ceases to have workers keeps its place on the ring and what slow limits have used; those after it
 * take the ports above, which for port 0 is again any free one, and folders within the first one's.
 */
export function planWorkers(options: ServerOptions): ServerOptions[] {
  return Array.from({ length: options.workers }, (_, step) => ({
    ...options,
    name: `${options.name}-${step + 1}`,
    admin: listenAddressAbove(options.admin, step),
    peerListen: options.peerListen && peerAddressAbove(options.peerListen, step),
    advertise: options.advertise.map((address) => peerAddressAbove(address, step)),
    dataDir: options.dataDir && dataDirOf(options.dataDir, step),
    seeds: step === 0 ? options.seeds : options.seeds.filter(isNoMulticast),
    workers: 1,
  }))
}

/** What keeps these options from being those of several workers. */
export function workerContradictions(options: ServerOptions): Placed[] {
  const { workers, name, peerListen, seeds } = options
  if (workers === 1) return []
  if (peerListen === null) {
    const message = `workers are members of one cluster, and with ${flagOf('peerListen')} none they would each enforce the full limits: give it an address, or leave ${flagOf('workers')} out`
    return [misplaced('workers', 'workers_without_peers', message)]
  }
  const problems: Placed[] = []
  const told = (option: OptionName, message: string) =>
    problems.push(misplaced(option, 'workers_without_room', message))
  const nameBytesMax = NODE_NAME_BYTES_MAX - `-${workers}`.length
  if (name.length > nameBytesMax) {
    const mend = `give a name of ${nameBytesMax} characters at most`
    told('name', `"${name}" is too long to be followed by -1 to -${workers}: ${mend}`)
  }
  if (seeds.length + workers - 1 > SEEDS_MAX) {
    const mend = `give ${SEEDS_MAX - workers + 1} at most, or a name for them`
    told('seeds', `there are ${seeds.length}, beside ${workers - 1} other workers: ${mend}`)
  }
  const overrun = ownPorts(options).find(({ port }) => port !== 0 && port + workers - 1 > PORT_MAX)
  if (overrun !== undefined) {
    const mend = `give a port of ${PORT_MAX - workers + 1} at most`
    told(overrun.option, `${workers} workers need as many ports from ${overrun.port} on: ${mend}`)
  } else problems.push(...collisions(options))
  return problems
}

/** Where the other workers of the host reach one that listens: not where the rest of the world is told to dial. */
export function localSeed(
  { peerListen, advertise }: ServerOptions,
  announced: readonly string[],
): string | undefined {
  const listening = peerListen === null ? undefined : readPeerAddress(peerListen)
  if (listening === undefined || listening.port === 0 || advertise.length === 0) return announced[0]
  const loopback = listening.kind === 'ip6' ? '::1' : '127.0.0.1'
  const host = ALL_INTERFACES.includes(listening.host) ? loopback : listening.host
  return formatPeerAddress({ ...listening, host, peer: undefined })
}

function listenAddressAbove(address: string, step: number): string {
  const parsed = parseListenAddress(address)
  if (step === 0) return address
  if (parsed.type === 'tcp') return address.replace(/\d+$/, `${portAbove(parsed.port, step)}`)
  const { dir, name, ext } = parse(parsed.path)
  return `unix:${join(dir, `${name}-${step + 1}${ext}`)}`
}

/** An id in an address is that of the first worker only. */
function peerAddressAbove(address: string, step: number): string {
  if (step === 0) return address
  const parsed = readPeerAddress(address)
  return formatPeerAddress({ ...parsed, port: portAbove(parsed.port, step), peer: undefined })
}

function portAbove(port: number, step: number): number {
  return port === 0 ? 0 : port + step
}

/** Workers would share one socket for multicast, too, and each hear a part. One who asks tells the others. */
function isNoMulticast(seed: string): boolean {
  return readSeedPlace(seed).type !== 'multicast'
}

function dataDirOf(dataDir: string, step: number): string {
  return step === 0 ? dataDir : join(dataDir, `worker-${step + 1}`)
}

interface Port {
  readonly option: OptionName
  readonly host: string
  readonly port: number
}

/** The TCP ports that each worker has for itself. */
function ownPorts({ admin, advertise, peerListen }: ServerOptions): Port[] {
  const peers = peerListen === null ? [] : [readPeerAddress(peerListen)]
  return [
    ...doorPort('admin', admin),
    ...peers.map(({ host, port }) => ({ option: 'peerListen' as const, host, port })),
    ...advertise.map((address) => ({ option: 'advertise' as const, ...readPeerAddress(address) })),
  ]
}

function doorPort(option: OptionName, address: string): Port[] {
  const parsed = parseListenAddress(address)
  return parsed.type === 'tcp' ? [{ option, host: parsed.host, port: parsed.port }] : []
}

/** Two workers, or a worker and the doors of all, that would listen at the same place. */
function collisions(options: ServerOptions): Placed[] {
  const taken = options.listen.flatMap((address) => doorPort('listen', address))
  for (const [step, worker] of planWorkers(options).entries()) {
    for (const place of ownPorts({ ...worker, advertise: [] })) {
      const other = taken.find((one) => isSamePlace(one, place))
      if (other !== undefined && step > 0) {
        const message = `worker ${step + 1} would listen at port ${place.port}, which ${flagOf(other.option)} takes: leave room for ${options.workers} ports`
        return [misplaced(place.option, 'workers_without_room', message)]
      }
      taken.push(place)
    }
  }
  return []
}

function isSamePlace(one: Port, other: Port): boolean {
  if (one.port === 0 || one.port !== other.port) return false
  const isEverywhere = [one, other].some(({ host }) => ALL_INTERFACES.includes(host))
  return isEverywhere || one.host === other.host
}

function misplaced(option: OptionName, code: Placed['code'], message: string): Placed {
  return { place: `${flagOf(option)}:`, code, message }
}

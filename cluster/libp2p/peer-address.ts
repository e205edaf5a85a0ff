import { isIPv4, isIPv6 } from 'node:net'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../../crdt/node-id.ts'
import { asError, type OnFault } from './fault.ts'
import { type Names, within } from './names.ts'

/** Where a peer listens: `/<kind>/<host>/tcp/<port>`, and perhaps `/p2p/<id>` of who must answer there. */
export interface PeerAddress {
  readonly kind: 'ip4' | 'ip6' | 'dns' | 'dns4' | 'dns6'
  readonly host: string
  readonly port: number
  readonly peer: NodeId | undefined
}

const EXPECTED =
  'expected host:port (10.0.0.7:4001, [fd00::7]:4001, weir-2.example:4001) or a multiaddr (/ip4/10.0.0.7/tcp/4001, /dns4/weir-2.example/tcp/4001, either with /p2p/<id>)'
const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

/**
 * Turns `host:port`, `[ipv6]:port` or a TCP multiaddr into a multiaddr. Throws an error that names the
 * text, what is wrong with it and what would be right.
 */
export function parsePeerAddress(text: string): string {
  return formatPeerAddress(readPeerAddress(text))
}

/** The id of a peer in its one written form. Throws an error that says what would be right. */
export function parsePeerId(text: string): NodeId {
  try {
    return peerIdFromString(text).toString() as NodeId
  } catch (cause) {
    throw new Error(
      `"${text}" is no id of a peer: write what follows /p2p/ in a node's address, as in 12D3KooW...`,
      { cause },
    )
  }
}

export function formatPeerAddress({ kind, host, port, peer }: PeerAddress): string {
  const address = `/${kind}/${host}/tcp/${port}`
  return peer === undefined ? address : `${address}/p2p/${peer}`
}

export function readPeerAddress(text: string): PeerAddress {
  try {
    return readAsPeerAddress(text)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new Error(`peer address "${text}": ${problem}; ${EXPECTED}`, { cause: error })
  }
}

/** The same; its error says only what is wrong. */
export function readAsPeerAddress(text: string): PeerAddress {
  return text.startsWith('/') ? readMultiaddr(text) : readHostAndPort(text)
}

/** The addresses of `peer` that can be understood and name nobody else; the others are faults. */
export function readPeerAddresses(
  peer: NodeId,
  addresses: readonly string[],
  onFault: OnFault,
): readonly PeerAddress[] {
  return addresses.flatMap((text) => {
    try {
      const address = readPeerAddress(text)
      if (address.peer !== undefined && address.peer !== peer) {
        throw new Error(`peer address "${text}": it names another peer`)
      }
      return [address]
    } catch (error) {
      onFault({ type: 'bad-address', address: text, peer, error: asError(error) })
      return []
    }
  })
}

function readHostAndPort(text: string): PeerAddress {
  const parts = /^(?:\[(?<ip6>[^\]]*)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text)?.groups
  if (parts === undefined) throw new Error('it has no port, or more than one colon')
  const port = readPort(parts.port ?? '')
  const { ip6, host = '' } = parts
  if (ip6 !== undefined) {
    if (!isIPv6(ip6)) throw new Error(`"${ip6}" is no IPv6 address`)
    return { kind: 'ip6', host: ip6, port, peer: undefined }
  }
  const kind = isIPv4(host) ? 'ip4' : 'dns'
  if (kind === 'dns' && !isHostName(host)) throw new Error(`"${host}" is no host name`)
  return { kind, host, port, peer: undefined }
}

function readMultiaddr(text: string): PeerAddress {
  const [network, transport, peer, ...rest] = multiaddr(text).getComponents()
  const kind = network?.name
  if (kind !== 'ip4' && kind !== 'ip6' && kind !== 'dns' && kind !== 'dns4' && kind !== 'dns6') {
    throw new Error(`it begins with /${kind ?? ''}`)
  }
  if (transport?.name !== 'tcp') throw new Error('only TCP is spoken between peers')
  if (rest.length > 0 || (peer !== undefined && peer.name !== 'p2p')) {
    throw new Error('something other than /p2p/<id> follows the port')
  }
  const host = network?.value ?? ''
  if (kind.startsWith('dns') && !isHostName(host)) throw new Error(`"${host}" is no host name`)
  return { kind, host, port: readPort(transport.value ?? ''), peer: readPeerId(peer?.value) }
}

export function isHostName(host: string): boolean {
  // All digits and dots is an IPv4 address with a mistake in it, never a name.
  return host.length <= 253 && HOST_NAME.test(host) && !/^[\d.]+$/.test(host)
}

function readPort(text: string): number {
  const port = Number(text)
  if (!(port <= 65_535)) throw new Error(`port ${text} is above 65535`)
  return port
}

function readPeerId(text: string | undefined): NodeId | undefined {
  return text === undefined ? undefined : (peerIdFromString(text).toString() as NodeId)
}

/** Whether the address means the dialling host itself, and so something else on every other host. */
export function isLoopback({ kind, host }: PeerAddress): boolean {
  if (kind === 'ip4') return host.startsWith('127.')
  if (kind === 'ip6') return host === '::1' || host.startsWith('::ffff:127.')
  return host === 'localhost' || host === 'localhost.'
}

/**
 * What a node tells others about where it listens. Loopback is left out unless there is nothing else: on
 * any other host it means that host.
 */
export function reachableAddresses(addresses: readonly PeerAddress[]): readonly PeerAddress[] {
  const remote = addresses.filter((address) => !isLoopback(address))
  return remote.length > 0 ? remote : addresses
}

/**
 * The IP addresses behind an address, each as a multiaddr without the peer id. A name is looked up anew
 * every time, because containers come back under the same name with another address. Rejects when the name
 * is unknown or the answer takes longer than `timeoutMs`.
 */
export async function resolvePeerAddress(
  { kind, host, port }: PeerAddress,
  names: Names,
  timeoutMs: number,
): Promise<readonly string[]> {
  if (kind === 'ip4' || kind === 'ip6') return [`/${kind}/${host}/tcp/${port}`]
  const family = kind === 'dns4' ? 4 : kind === 'dns6' ? 6 : 0
  const found = await within(timeoutMs, names.addresses(host, family), `looking up ${host}`)
  return found.map((ip) => `/ip${ip.family}/${ip.address}/tcp/${port}`)
}

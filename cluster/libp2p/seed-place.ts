import { asError } from './fault.ts'
import {
  formatPeerAddress,
  isHostName,
  type PeerAddress,
  readAsPeerAddress,
} from './peer-address.ts'

/**
 * Where members may be found: at an address, whose host may be a name with many addresses; at whatever hosts
 * and ports the SRV records of a name give; or by asking the local network.
 */
export type SeedPlace =
  | { readonly type: 'address'; readonly address: PeerAddress }
  | { readonly type: 'service'; readonly name: string }
  | { readonly type: 'multicast' }

const SERVICE = 'srv:'
const MULTICAST = 'mdns'
/** `_service._protocol.domain` (RFC 2782). */
const SERVICE_NAME = /^_[a-z0-9-]+\._(tcp|udp)\.[^.]/i

const EXPECTED =
  'expected host:port (10.0.0.7:4001, [fd00::7]:4001, weir.example:4001), a multiaddr (/ip4/10.0.0.7/tcp/4001), srv: and a service (srv:_weir._tcp.example.com), or mdns'

/** Throws an error that names the text, what is wrong with it and what would be right. */
export function readSeedPlace(text: string): SeedPlace {
  try {
    if (text === MULTICAST) return { type: 'multicast' }
    const name = text.slice(SERVICE.length)
    // A host may be called srv: then a port follows.
    if (!text.startsWith(SERVICE) || /^\d+$/.test(name)) {
      return { type: 'address', address: readAsPeerAddress(text) }
    }
    if (SERVICE_NAME.test(name) && isHostName(name)) return { type: 'service', name }
    throw new Error(`"${name}" is no name of a service`)
  } catch (error) {
    throw new Error(`seed "${text}": ${asError(error).message}; ${EXPECTED}`, { cause: error })
  }
}

export function formatSeedPlace(place: SeedPlace): string {
  switch (place.type) {
    case 'address':
      return formatPeerAddress(place.address)
    case 'service':
      return SERVICE + place.name
    case 'multicast':
      return MULTICAST
  }
}

/**
 * Whether others may be found here later than the first: what a name stands for changes, and all that is ever
 * at an IP address, or at an address that says who must answer there, is one node.
 */
export function isChanging(place: SeedPlace): boolean {
  if (place.type !== 'address') return true
  const { kind, peer } = place.address
  return kind.startsWith('dns') && peer === undefined
}

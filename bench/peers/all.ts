import { haproxy } from './haproxy.ts'
import { nginx } from './nginx.ts'
import { nodeApps } from './node-app.ts'
import type { Peer } from './peer.ts'
import { weir } from './weir.ts'

/** In the order of the table; what the others are compared with comes first. */
export const PEERS: readonly Peer[] = [weir, ...nodeApps, nginx, haproxy]

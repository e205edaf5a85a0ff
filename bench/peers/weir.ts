import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { keysByOwner, startCluster } from '../cluster.ts'
import { addressOf } from '../http.ts'
import type { ServedNode } from '../stand.ts'
import { KEYS } from '../workload.ts'
import type { Peer, Way } from './peer.ts'

export const weir: Peer = {
  name: 'weir',
  title: 'Weir',
  programs: [],
  isLinked: true,
  async start(stand, { limit, places }) {
    const socket = join(await mkdtemp(join(stand.folder, 'socket-')), 'weir.sock')
    const nodes = await startCluster(stand, places, { limit, listen: `127.0.0.1:0,unix:${socket}` })
    return {
      instances: nodes.map(({ url, pid }) => ({ to: addressOf(url), pid })),
      ways: () => waysTo(nodes[0] as ServedNode, nodes.length, socket),
    }
  },
}

async function waysTo(asked: ServedNode, nodes: number, socket: string): Promise<Way[]> {
  const byOwner = await keysByOwner(asked, nodes * KEYS)
  const own = byOwner.get(asked.name) ?? []
  const foreign = [...byOwner].flatMap(([owner, keys]) => (owner === asked.name ? [] : keys))
  const to = addressOf(asked.url)
  return [
    { title: 'Weir, own key', to, route: 'gate', keys: own },
    { title: 'Weir, own key, Unix socket', to: { path: socket }, route: 'gate', keys: own },
    { title: 'Weir, own key, POST', to, route: 'check', keys: own },
    { title: 'Weir, forwarded', to, route: 'gate', keys: foreign },
  ]
}

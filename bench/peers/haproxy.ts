import { writeFileSync } from 'node:fs'
import { freePort } from '../program.ts'
import { KEYS, keyTexts, type Limit } from '../workload.ts'
import type { Instance, Peer } from './peer.ts'

const TITLE = 'HAProxy stick table, peers'

export const haproxy: Peer = {
  name: 'haproxy',
  title: TITLE,
  programs: [{ name: 'haproxy', versionFlag: '-v' }],
  isLinked: true,
  async start(stand, { limit, places }) {
    const mesh = await Promise.all(places.map(freePort))
    const instances: Instance[] = []
    for (const [number, core] of places.entries()) {
      const port = await freePort()
      const file = `${stand.folder}/haproxy-${port}.cfg`
      writeFileSync(file, configuration(limit, port, mesh))
      const words = ['haproxy', '-db', '-q', '-L', peerName(number), '-f', file]
      const pid = await stand.listener(core, port, words)
      instances.push({ to: { host: '127.0.0.1', port }, pid })
    }
    const { to } = instances[0] as Instance
    return {
      instances,
      ways: async () => [{ title: TITLE, to, route: 'gate', keys: keyTexts(KEYS) }],
    }
  },
}

function peerName(number: number): string {
  return `n${number + 1}`
}

/**
 * Counts what was allowed. The usual `http_req_rate` counts refusals as well, so that whoever goes on asking
 * above the limit is never let through again.
 */
function configuration({ burst }: Limit, port: number, mesh: readonly number[]): string {
  const peers = mesh.map((at, number) => `  peer ${peerName(number)} 127.0.0.1:${at}`)
  return `global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
peers mesh
${peers.join('\n')}
backend keys
  stick-table type string len 64 size 1m expire 10s store gpc0_rate(1s) peers mesh
frontend clients
  bind 127.0.0.1:${port}
  http-request track-sc0 url_param(key) table keys
  http-request return status 429 hdr Retry-After 1 if { sc0_gpc0_rate(keys) ge ${burst} }
  http-request sc-inc-gpc0(0)
  http-request return status 204
`
}
